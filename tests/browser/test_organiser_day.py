"""A day of an organiser, from the hall to the door, as a person does it in a browser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.core.cache import cache
from playwright.sync_api import FilePayload, Page, expect

from accounts.models import User
from sales.models import Event, Order, Scan, Seat, SeatStatus, Ticket, TicketState
from sales.tickets import code_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

OpenPage = Callable[..., Page]

HALL = "section,row,seat,category\n" + "".join(
    f"Stalls,{row},{number},{'Premium' if row == 'A' else 'Standard'}\n"
    for row in "ABC"
    for number in range(1, 9)
)


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    cache.clear()


def as_typed(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M}"


def make_event(page: Page, now: datetime) -> None:
    """Add a venue, and an event there that sells already."""
    page.goto("/organise/venues/")
    page.get_by_label("Name").fill("Town Hall")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Town Hall")
    page.goto("/organise/events/new/")
    page.get_by_label("Name").fill("Premiere")
    page.get_by_label("Starts").fill(as_typed(now + timedelta(days=30)))
    page.get_by_label("On sale from").fill(as_typed(now - timedelta(hours=1)))
    page.get_by_label("On sale until").fill(as_typed(now + timedelta(days=29)))
    page.locator("main form button.button").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Premiere")


def import_hall(page: Page) -> None:
    """Upload a table of seats, look at it, and make the event's seats of it."""
    page.goto("/organise/venues/")
    page.get_by_role("link", name="Town Hall").click()
    file = FilePayload(name="Hall.csv", mimeType="text/csv", buffer=HALL.encode())
    page.get_by_label("Plan (JSON) or table (CSV)").set_input_files(file)
    page.get_by_role("button", name="Look at it").first.click()
    expect(page.get_by_role("heading", name="24 seats")).to_be_visible()
    page.get_by_label("Price of Premium").fill("80.00")
    page.get_by_label("Price of Standard").fill("45.00")
    page.get_by_role("button", name="Make 24 seats").click()
    expect(page.locator("main")).to_contain_text("Done: 24 of 24 seats", timeout=20_000)


def paint(page: Page, event: Event) -> None:
    """Select row C on the map and sell it as Premium."""
    page.goto(f"/organise/events/{event.pk}/seats/")
    expect(page.locator("#seat-map[data-ready]")).to_be_visible(timeout=30_000)
    page.locator("[data-row] text", has_text="C").click()
    expect(page.locator("#picked")).to_have_text("8")
    page.locator("#id_kind").select_option("paint")
    page.locator("#id_category").select_option(label="Premium")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("main")).to_contain_text("Done: 8 of 8 seats")


def move(page: Page, event: Event, button: str, state: str) -> None:
    page.goto(f"/organise/events/{event.pk}/")
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.locator(".organise-head .state")).to_have_text(state)


def buy(page: Page, seat: Seat) -> None:
    page.goto(f"/events/{seat.event_id}/")
    expect(page.locator("#seat-map[data-ready]")).to_be_visible(timeout=30_000)
    page.locator(f'[id="{seat.pk}"]').click()
    page.get_by_role("button", name="Buy").click()
    expect(page.get_by_text("The seat is yours.")).to_be_visible()


def refund(page: Page, ticket: Ticket) -> None:
    """Find the order by its seat and give all of the money back."""
    page.goto("/organise/orders/")
    page.get_by_label("Name, e-mail, order, seat or ticket code").fill(ticket.seat.label)
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name=ticket.order.reference).click()
    page.get_by_role("checkbox", name=ticket.seat.label).check()
    page.get_by_role("button", name="Give back").click()
    expect(page.locator("main")).to_contain_text("Void")


def scan(page: Page, event: Event, ticket: Ticket, says: str) -> None:
    page.get_by_label("Code of the ticket").fill(code_of(ticket))
    page.keyboard.press("Enter")
    expect(page.locator("#headline")).to_have_text(says)


def test_from_the_hall_to_the_door(
    open_page: OpenPage, alice: User, fay: User, now: datetime
) -> None:
    organiser = open_page("/organise/", as_user=alice)
    make_event(organiser, now)
    event = Event.objects.get()
    import_hall(organiser)
    paint(organiser, event)
    assert event.seats.filter(category__name="Premium").count() == 16
    move(organiser, event, "Publish", "Published")

    fan = open_page("/", as_user=fay)
    seats = list(event.seats.in_order())
    buy(fan, seats[0])
    buy(fan, seats[-1])
    first, last = Ticket.objects.select_related("order", "seat").order_by("created_at")
    assert last.seat.row == "C"
    assert last.price_minor == 8000

    move(organiser, event, "Pause", "Paused")
    fan.goto(f"/events/{event.pk}/")
    expect(fan.locator("main")).to_contain_text("paused")
    refund(organiser, first)
    first.refresh_from_db()
    assert first.state == TicketState.VOID
    assert Order.objects.get(pk=first.order_id).refunded_minor == 8000
    assert Seat.objects.get(pk=seats[0].pk).status == SeatStatus.AVAILABLE

    organiser.goto(f"/organise/events/{event.pk}/door/")
    organiser.get_by_role("link", name="Scan tickets with this device").click()
    expect(organiser.locator("body[data-ready]")).to_be_visible()
    scan(organiser, event, last, "Let in")
    scan(organiser, event, last, "Already let in")
    organiser.goto(f"/organise/events/{event.pk}/door/")
    expect(organiser.locator(".figures .sold")).to_contain_text("1")
    assert Scan.objects.filter(outcome="admitted").count() == 1
