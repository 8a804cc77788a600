"""An arena of 17,496 seats in a browser: imported and repriced, its progress bar moving."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import Organisation, User
from sales.books import check_books
from sales.demo import PLANS
from sales.models import BulkJob, Event, PriceCategory, Seat, SeatStatus, Ticket, Venue
from sales.organising.event_states import move_event
from tests.helpers.crew import Crew
from tests.helpers.purchases import buy

pytestmark = [
    pytest.mark.full,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(900),
]

OpenPage = Callable[..., Page]
SEATS = 17_496
PATIENCE_MS = 300_000


def watch_bar(page: Page) -> list[int]:
    """Return the values the progress bar showed, until the job is done."""
    shown: list[int] = []
    bar, until = page.locator("#job progress"), time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < until:
        value = int(bar.get_attribute("value") or 0)
        if value not in shown:
            shown.append(value)
        if "Done:" in page.locator("#job").inner_text():
            return shown
        page.wait_for_timeout(100)
    raise AssertionError(f"not done; the bar showed {shown}")


def measured(title: str, job: BulkJob) -> None:
    job.refresh_from_db()
    assert job.started_at
    assert job.finished_at
    seconds = (job.finished_at - job.started_at).total_seconds()
    print(f"{title}: {job.total:,} seats in {seconds:.1f} s, {job.total / seconds:,.0f} a second")


def test_imports_and_reprices_an_arena(
    open_page: OpenPage, workers: Crew, acme: Organisation, alice: User, fay: User
) -> None:
    cache.clear()
    now = timezone.now()
    venue = Venue.objects.create(organisation=acme, name="Arena")
    event = Event.objects.create(
        organisation=acme,
        venue=venue,
        name="Big Night",
        slug="big-night",
        starts_at=now + timedelta(days=30),
        on_sale_at=now - timedelta(hours=1),
        off_sale_at=now + timedelta(days=29),
        currency="EUR",
    )
    page = open_page(f"/organise/venues/{venue.pk}/plans/", as_user=alice)
    page.set_default_timeout(PATIENCE_MS)
    page.get_by_label("Plan (JSON) or table (CSV)").set_input_files(PLANS / "arena.json")
    page.locator("form", has=page.locator("[name=file]")).locator("button").click()
    expect(page.get_by_role("heading", name="17496 seats")).to_be_visible(timeout=PATIENCE_MS)
    for field in page.get_by_label("Price of").all():
        field.fill("80.00")
    page.get_by_role("button", name="Make 17496 seats").click()
    shown = watch_bar(page)
    assert len([value for value in shown if 0 < value < SEATS]) >= 2, shown
    measured("Imported", BulkJob.objects.get(kind="make-seats"))
    assert event.seats.count() == SEATS

    move_event(event_id=event.pk, user=alice, move="publish", now=now)
    sold = list(event.seats.in_order()[100:104])
    for seat in sold:
        buy(seat, fay)
    flat = PriceCategory.objects.create(event=event, name="Flat", price_minor=5000, position=9)

    page.goto(f"/organise/events/{event.pk}/seats/")
    expect(page.locator("#seat-map[data-ready]")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("button", name="All", exact=True).click()
    expect(page.locator("#picked")).to_have_text("17,496")
    page.locator("#id_category").select_option(label="Flat")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("17492 changed")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("button", name="Apply").click()
    # Somebody buys while the job is at it: she has her seat, at the price that she saw or the new.
    last = event.seats.in_order().last()
    assert last
    buy(last, fay, fan_id=alice.pk)
    shown = watch_bar(page)
    assert len([value for value in shown if 0 < value < SEATS]) >= 3, shown
    job = BulkJob.objects.get(kind="seats")
    measured("Repriced", job)
    assert job.report["changed"] + job.report["refused: sold"] == SEATS
    expect(page.get_by_text("Not changed")).to_be_visible()

    assert Ticket.objects.count() == 5
    for seat in sold:
        category = seat.category_id
        seat.refresh_from_db()
        assert (seat.status, seat.category_id) == (SeatStatus.SOLD, category)
    free = Seat.objects.filter(event=event, status=SeatStatus.AVAILABLE)
    assert set(free.values_list("category", flat=True)) == {flat.pk}
    assert check_books(event_id=event.pk) == []
