"""A fan goes through the waiting room in a browser, and an organiser runs it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from sales.models import Event, Order, QueuePlace, Seat, WaitingRoom
from sales.waiting_room.desk import desk
from tests.helpers.browsers import DESK, PHONE, picture
from tests.helpers.cast import PASSWORD, make_fans
from tests.helpers.crowd import Crowd, open_room

pytestmark = pytest.mark.django_db(transaction=True)

OpenPage = Callable[..., Page]


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    cache.clear()


def test_joins_waits_and_buys(
    open_page: OpenPage, event: Event, seats: list[Seat], fay: User
) -> None:
    open_room(event, timezone.now() + timedelta(hours=1), rate_per_minute=600)
    page = open_page(f"/events/{event.pk}/", as_user=fay, viewport=PHONE)
    page.get_by_role("link", name="Go to the waiting room").click()
    picture(page, "queue-join-390")
    page.get_by_role("button", name="Join the waiting room").click()
    expect(page.get_by_text("You are in.")).to_be_visible()
    picture(page, "queue-before-390")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.reload()
    expect(page.get_by_text("You are in.")).to_be_visible()
    # The sale starts, with a few before her.
    others = Crowd(event, desk)
    for fan in make_fans(3):
        others.join(timezone.now(), fan.pk)
    Event.objects.update(on_sale_at=timezone.now())
    desk.forget(event.pk)
    page.reload()
    expect(page.get_by_text("It is your turn: you can buy until")).to_be_visible()
    expect(page.locator("#seat-map[data-ready]")).to_be_visible()
    page.get_by_label("Row and seat").select_option(str(seats[0].pk))
    page.get_by_role("button", name="Buy").click()
    expect(page.get_by_text("The seat is yours.")).to_be_visible()
    assert Order.objects.get().fan == fay


def test_shows_the_place_and_goes_on_by_itself(
    open_page: OpenPage, event: Event, fay: User
) -> None:
    open_room(event, timezone.now() - timedelta(minutes=5), rate_per_minute=10)
    others = Crowd(event, desk)
    for fan in make_fans(3):
        others.join(timezone.now() - timedelta(minutes=6), fan.pk)
    WaitingRoom.objects.update(released=0, released_at=timezone.now() + timedelta(minutes=10))
    desk.roll.write(timezone.now())
    desk.forget(event.pk)
    page = open_page(f"/events/{event.pk}/queue/", as_user=fay, viewport=DESK)
    page.get_by_role("button", name="Join the waiting room").click()
    expect(page.get_by_text("You are in the queue.")).to_be_visible()
    expect(page.locator("[data-of=place]")).to_have_text("4")
    picture(page, "queue-waiting-1440")
    page.set_viewport_size(PHONE)
    picture(page, "queue-waiting-390")
    WaitingRoom.objects.update(rate_per_minute=6000, released_at=timezone.now())
    desk.forget(event.pk)
    expect(page.get_by_text("It is your turn: you can buy until")).to_be_visible()
    picture(page, "queue-turn-390")


def test_says_at_once_that_nothing_is_left(open_page: OpenPage, event: Event, fay: User) -> None:
    open_room(event, timezone.now() - timedelta(minutes=5), rate_per_minute=1)
    Crowd(event, desk).join(timezone.now() - timedelta(minutes=6), make_fans(1)[0].pk)
    page = open_page(f"/events/{event.pk}/queue/", as_user=fay, viewport=PHONE)
    page.get_by_role("button", name="Join the waiting room").click()
    Seat.objects.update(status="sold", changed_at=timezone.now())
    expect(page.get_by_text("You need not wait any longer")).to_be_visible()
    picture(page, "queue-sold-out-390")


def test_works_without_javascript(open_page: OpenPage, event: Event, fay: User) -> None:
    open_room(event, timezone.now() - timedelta(minutes=5), rate_per_minute=6000)
    page = open_page(f"/events/{event.pk}/queue/", as_user=fay, javascript=False)
    page.get_by_role("button", name="Join the waiting room").click()
    expect(page.get_by_text("It is your turn: you can buy until")).to_be_visible()


def test_a_guest_waits_and_buys(open_page: OpenPage, event: Event, seats: list[Seat]) -> None:
    open_room(event, timezone.now() - timedelta(minutes=5), rate_per_minute=6000)
    page = open_page(f"/events/{event.pk}/queue/", viewport=PHONE)
    picture(page, "queue-signed-out-390")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_label("Name").fill("Gus")
    page.get_by_label("E-mail").fill("gus@example.com")
    page.get_by_role("button", name="Go on as a guest").click()
    page.get_by_role("button", name="Join the waiting room").click()
    expect(page.get_by_text("It is your turn: you can buy until")).to_be_visible()
    page.get_by_label("Row and seat").select_option(str(seats[0].pk))
    page.get_by_role("button", name="Buy as a guest").click()
    expect(page.get_by_text("The seat is yours.")).to_be_visible()
    assert Order.objects.get().fan.email == "gus@example.com"


def test_gives_the_place_back_to_who_was_signed_out(
    open_page: OpenPage, event: Event, fay: User
) -> None:
    """A minute before the sale her session ends; others joined after her; she logs in again."""
    start = timezone.now() + timedelta(minutes=1)
    open_room(event, start, rate_per_minute=6000)
    page = open_page(f"/events/{event.pk}/queue/", as_user=fay, viewport=DESK)
    page.get_by_role("button", name="Join the waiting room").click()
    expect(page.get_by_text("You are in.")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    others = Crowd(event, desk)
    for fan in make_fans(3):
        others.join(timezone.now(), fan.pk)
    page.goto(f"/events/{event.pk}/queue/")
    expect(page.get_by_text("You are signed out. Your place is kept.")).to_be_visible()
    picture(page, "queue-kept-1440")
    page.set_viewport_size(PHONE)
    picture(page, "queue-kept-390")
    page.set_viewport_size(DESK)
    # It is her turn while she is signed out: the page says so by itself, and opens nothing.
    Event.objects.update(on_sale_at=timezone.now())
    desk.forget(event.pk)
    page.reload()
    expect(page.get_by_text("It is your turn. Say who you are")).to_be_visible()
    picture(page, "queue-turn-signed-out-1440")
    page.get_by_role("main").get_by_role("link", name="Log in").click()
    page.get_by_label("Email").fill(fay.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("It is your turn: you can buy until")).to_be_visible()
    assert QueuePlace.objects.get(fan_id=fay.pk).joined_at < event.on_sale_at


def test_an_organiser_opens_a_room_and_pauses_it(
    open_page: OpenPage, event: Event, alice: User
) -> None:
    page = open_page(f"/organise/events/{event.pk}/queue/", as_user=alice, viewport=DESK)
    page.get_by_label("The waiting room is on").check()
    page.get_by_label("Fans let in a minute").fill("250")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. The new rules hold from now on.")).to_be_visible()
    picture(page, "queue-organiser-1440")
    page.get_by_role("button", name="Let nobody in for now").click()
    expect(page.get_by_role("button", name="Go on letting fans in")).to_be_visible()
    room = WaitingRoom.objects.get()
    assert (room.rate_per_minute, room.is_paused, room.event.has_waiting_room) == (250, True, True)
