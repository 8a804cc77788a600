"""Buying a seat in a browser: by mouse, by finger, by keyboard, and without JavaScript."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from sales.models import Hold, Order, Seat, SeatStatus, Ticket
from tests.helpers.browsers import PHONE
from tests.helpers.cast import PASSWORD
from tests.helpers.payments import hold

pytestmark = pytest.mark.django_db(transaction=True)

OpenPage = Callable[..., Page]


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    cache.clear()


def event_page(seat: Seat) -> str:
    return f"/events/{seat.event_id}/"


def wait_for_map(page: Page) -> None:
    expect(page.locator("#seat-map[data-ready]")).to_be_visible()


def seat_on(page: Page, seat: Seat) -> None:
    page.locator(f'[id="{seat.pk}"]').click()


def test_buys_by_clicking_a_seat(open_page: OpenPage, seats: list[Seat], fay: User) -> None:
    page = open_page(event_page(seats[0]), as_user=fay)
    wait_for_map(page)
    seat_on(page, seats[3])
    expect(page.locator("#chosen")).to_contain_text("45.00 EUR")
    page.get_by_role("button", name="Buy for 45.00 EUR").click()
    expect(page.get_by_text("The seat is yours.")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_contain_text(Order.objects.get().reference)
    assert Ticket.objects.get().seat == seats[3]


def test_buys_by_keyboard_alone(open_page: OpenPage, seats: list[Seat], fay: User) -> None:
    page = open_page(event_page(seats[0]), as_user=fay)
    wait_for_map(page)
    page.locator("#seat-map svg").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):  # onto, B-2
        page.keyboard.press(key)
    expect(page.locator("#map-status")).to_contain_text("Floor, row B, seat 2 · Back, 25.00 EUR")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Buy").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("The seat is yours.")).to_be_visible()
    assert str(Ticket.objects.get().seat) == "Floor B-2"


def test_buys_on_a_phone(open_page: OpenPage, seats: list[Seat], fay: User) -> None:
    page = open_page(event_page(seats[0]), as_user=fay, viewport=PHONE)
    wait_for_map(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    seat_on(page, seats[0])
    page.get_by_role("button", name="Buy").click()
    expect(page.get_by_text("The seat is yours.")).to_be_visible()


def test_buys_without_javascript(open_page: OpenPage, seats: list[Seat], fay: User) -> None:
    page = open_page(event_page(seats[0]), as_user=fay, javascript=False)
    page.get_by_label("Row and seat").select_option(str(seats[1].pk))
    page.get_by_role("button", name="Buy").click()
    expect(page.get_by_text("The seat is yours.")).to_be_visible()
    assert Ticket.objects.get().seat == seats[1]


def test_buys_several_with_the_second_card(
    open_page: OpenPage, seats: list[Seat], fay: User
) -> None:
    page = open_page(event_page(seats[0]), as_user=fay, viewport=PHONE)
    page.get_by_label("Seats", exact=True).fill("3")
    page.get_by_role("button", name="Find the best").dblclick()
    expect(page.locator("#left")).to_contain_text(" left)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_label("Card").select_option(label="A test card without money")
    page.get_by_role("button", name="Pay").click()
    expect(page.locator("main")).to_contain_text("The card has no money. Nothing was paid.")
    page.get_by_role("button", name="Pay").dblclick()
    expect(page.get_by_text("The seats are yours.").first).to_be_visible()
    assert Ticket.objects.filter(order__fan=fay).count() == 3


def test_says_that_the_time_is_over_by_itself(
    open_page: OpenPage, seats: list[Seat], fay: User
) -> None:
    held = hold(seats[:2], fay)
    until = timezone.now() + timedelta(seconds=3)
    Hold.objects.filter(pk=held.pk).update(expires_at=until)
    page = open_page(f"/holds/{held.pk}/", as_user=fay)
    expect(page.locator("main")).to_contain_text("no longer kept for you")


def test_sells_once_by_a_double_click(open_page: OpenPage, seats: list[Seat], fay: User) -> None:
    page = open_page(event_page(seats[0]), as_user=fay)
    wait_for_map(page)
    seat_on(page, seats[0])
    page.get_by_role("button", name="Buy").dblclick()
    expect(page.get_by_text("The seat is yours.").first).to_be_visible()
    assert Ticket.objects.count() == 1


def test_greys_a_seat_that_somebody_else_buys(
    open_page: OpenPage, seats: list[Seat], fay: User
) -> None:
    page = open_page(event_page(seats[0]), as_user=fay)
    wait_for_map(page)
    seat_on(page, seats[2])
    Seat.objects.filter(pk=seats[2].pk).update(status=SeatStatus.SOLD, changed_at=timezone.now())
    expect(page.locator(f'[id="{seats[2].pk}"].gone')).to_be_visible()
    expect(page.locator("#map-status")).to_contain_text("has just been taken")
    expect(page.locator("#chosen")).to_be_hidden()


def test_registers_on_the_way_to_a_seat(open_page: OpenPage, seats: list[Seat]) -> None:
    page = open_page(event_page(seats[0]))
    wait_for_map(page)
    seat_on(page, seats[4])
    page.get_by_role("button", name="Log in and buy").click()
    page.get_by_role("main").get_by_role("link", name="Register").click()
    page.get_by_label("E-mail").fill("new@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Register").click()
    wait_for_map(page)
    expect(page.locator("#chosen")).to_contain_text("5")  # still chosen
    page.get_by_role("button", name="Buy").click()
    expect(page.get_by_text("The seat is yours.")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("link", name="Log in")).to_be_visible()
