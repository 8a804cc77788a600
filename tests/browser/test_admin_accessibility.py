"""The main pages of the admin, by axe, on a phone and on a desk, in the light and in the dark."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.db.models import Model
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import Organisation, User
from sales.models import Event, Order, PriceCategory, Seat, Venue
from tests.helpers.accessibility import KNOWN, complaints, load_axe
from tests.helpers.browsers import DESK, PHONE, log_in
from worldseat.admin_navigation import GROUPS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(1200)]


@pytest.fixture
def pages(acmes_rows: dict[type[Model], Model]) -> list[str]:
    """The start, the lists of the sidebar, forms, history, and what is asked before a deletion."""
    found = [reverse("admin:index"), reverse("admin:organisation")]
    for group in GROUPS:
        for label in group.lists:
            if group.title not in {"Platform", "Simulations"}:
                found.append(reverse(f"admin:{label.replace('.', '_')}_changelist"))
    for model in (Event, Seat, PriceCategory, Venue, Order, Organisation):
        name = model._meta.label_lower.replace(".", "_")
        found.append(reverse(f"admin:{name}_change", args=[acmes_rows[model].pk]))
    found += [reverse("admin:sales_event_add"), reverse("admin:accounts_apikey_add")]
    found.append(reverse("admin:sales_event_history", args=[acmes_rows[Event].pk]))
    found.append(reverse("admin:sales_venue_delete", args=[acmes_rows[Venue].pk]))
    return found


@pytest.fixture
def page(browser: Browser, live_server: LiveServer, alice: User) -> Iterator[Page]:
    cache.clear()
    context = browser.new_context(base_url=live_server.url, service_workers="block")
    load_axe(context)
    log_in(context, alice, live_server.url)
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    yield opened
    context.close()


def test_the_main_pages(page: Page, pages: list[str], quick: bool) -> None:
    wrong = []
    for path in pages:
        page.goto(path)
        expect(page.locator("h1").first).to_be_visible()
        found = [f"{path} {each}" for each in complaints(page, known=KNOWN, quick=quick)]
        print(*found, sep="\n")  # as it goes: there are many pages
        wrong += found
    assert not "\n".join(wrong)


def test_the_keyboard_reaches_menu_filters_and_account(page: Page, event: Event) -> None:
    page.set_viewport_size(PHONE)
    page.goto(reverse("admin:sales_seat_changelist"))
    menu = page.locator("#nav-sidebar-apps")
    expect(menu).not_to_be_in_viewport()
    page.get_by_role("button", name="Open the menu").press("Enter")
    expect(menu).to_be_in_viewport()
    page.get_by_role("button", name="Close the menu").press("Enter")
    expect(menu).not_to_be_in_viewport()
    page.get_by_role("button", name="Filters").press("Enter")
    expect(page.locator("#changelist-filter")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#changelist-filter")).not_to_be_visible()
    page.set_viewport_size(DESK)
    page.get_by_role("button", name="alice@example.com").press("Enter")
    page.get_by_role("button", name="Dark").press("Enter")
    expect(page.locator("html.dark")).to_be_attached()
    assert page.evaluate("document.activeElement.textContent").strip().endswith("Dark")
