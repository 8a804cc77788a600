"""The organiser's desk in a real browser: sell over the counter, watch the sale, refund."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from sales.models import Order, Seat
from tests.helpers.browsers import DESK, PHONE
from tests.helpers.payments import paid

pytestmark = pytest.mark.django_db(transaction=True)

SHOTS = os.environ.get("SCREENSHOTS", "")


def look(page: Page, name: str) -> None:
    """Check that nothing is wider than the screen; keep a picture if SCREENSHOTS names a folder."""
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}-{page.viewport_size['width']}.png", full_page=True)  # type: ignore[index] # it has one


@pytest.mark.parametrize("viewport", [DESK, PHONE])
def test_sells_the_best_available_and_one_more_and_sees_it_on_the_dashboard(
    open_page: Callable[..., Page], alice: User, fay: User, seats: list[Seat], viewport: object
) -> None:
    paid([seats[0], seats[7]], fay)
    event_id = seats[0].event_id
    page = open_page(f"/organise/events/{event_id}/box-office/", as_user=alice, viewport=viewport)
    page.get_by_label("Seats", exact=True).fill("2")
    page.get_by_role("button", name="Choose").click()
    expect(page.locator("#lines > li")).to_have_count(2)
    page.wait_for_selector("#seat-map[data-ready]")
    page.locator(f'[id="{seats[5].pk}"]').click()
    expect(page.locator("#lines > li")).to_have_count(3)
    page.get_by_label("Customer's name").fill("Ada Lovelace")
    look(page, "counter")
    page.get_by_role("button", name="Sell 3 tickets").click()
    expect(page.get_by_role("heading", name="Order")).to_be_visible()
    expect(page.get_by_text("Ada Lovelace")).to_be_visible()
    look(page, "order")
    page.get_by_role("link", name="Dashboard").click()
    page.wait_for_selector("#dashboard[data-ready]")
    # The seats are as of a second ago: it may have to look once more.
    expect(page.locator("#heat circle.h0")).to_have_count(5)
    look(page, "dashboard")
    page.get_by_label("Status").check()
    expect(page.locator("#heat circle.sold")).to_have_count(5)
    for name in ("Reports", "Door list"):
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
        look(page, name.lower().replace(" ", "-"))
    page.goto("/organise/orders/")
    look(page, "orders")
    page.goto("/organise/")
    look(page, "start")


def test_refunds_a_ticket(
    open_page: Callable[..., Page], bob: User, fay: User, seats: list[Seat]
) -> None:
    order = paid(seats[:2], fay)
    page = open_page(f"/organise/orders/{order.pk}/", as_user=bob)
    page.get_by_role("checkbox").first.check()
    page.get_by_label("Reason").fill("Ill")
    page.get_by_role("button", name="Give back").click()
    expect(page.get_by_role("status")).to_contain_text("Done")
    assert Order.objects.get(pk=order.pk).refunded_minor == 4500
