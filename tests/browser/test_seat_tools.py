"""Changing many seats in a browser: a box on the map, a row, a filter, the keyboard, a phone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.cache import cache
from playwright.sync_api import Page, expect

from accounts.models import User
from sales.models import Event, Seat, SeatStatus
from tests.helpers.browsers import PHONE
from tests.helpers.purchases import buy

pytestmark = pytest.mark.django_db(transaction=True)

OpenPage = Callable[..., Page]


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    cache.clear()


def open_seats(open_page: OpenPage, event: Event, user: User, **options: object) -> Page:
    page = open_page(f"/organise/events/{event.pk}/seats/", as_user=user, **options)
    expect(page.locator("#seat-map[data-ready]")).to_be_visible(timeout=30_000)
    return page


def drag_over(page: Page, first: Seat, last: Seat) -> None:
    """Drag a box around two seats and what lies between."""
    start = page.locator(f'[id="{first.pk}"]').bounding_box()
    end = page.locator(f'[id="{last.pk}"]').bounding_box()
    assert start
    assert end
    page.mouse.move(start["x"] - 4, start["y"] - 4)
    page.mouse.down()
    page.mouse.move(end["x"], end["y"], steps=4)
    page.mouse.move(end["x"] + end["width"] + 4, end["y"] + end["height"] + 4)
    page.mouse.up()


def test_blocks_what_a_box_encloses_but_what_is_sold(
    open_page: OpenPage, event: Event, seats: list[Seat], alice: User, fay: User
) -> None:
    buy(seats[1], fay)
    page = open_seats(open_page, event, alice)
    drag_over(page, seats[0], seats[8])  # B-1 to B-3
    expect(page.locator("#picked")).to_have_text("6")
    expect(page.locator("#picked-of")).to_contain_text("1 sold")
    page.locator("#id_kind").select_option("block")
    page.get_by_label("Reason").fill("Camera")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Block (Camera): 6 seats")
    expect(page.locator("main")).to_contain_text("5 changed")
    assert not Seat.objects.filter(status=SeatStatus.BLOCKED).exists()
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("main")).to_contain_text("Done: 6 of 6 seats")
    expect(page.get_by_role("table")).to_contain_text("Floor A-2")
    assert Seat.objects.filter(status=SeatStatus.BLOCKED, block_reason="Camera").count() == 5
    seats[1].refresh_from_db()
    assert seats[1].status == SeatStatus.SOLD


def test_selects_rows_and_adds_with_shift(
    open_page: OpenPage, event: Event, seats: list[Seat], alice: User
) -> None:
    page = open_seats(open_page, event, alice)
    page.locator("[data-row] text", has_text="B").click()
    expect(page.locator("#picked")).to_have_text("6")
    page.keyboard.down("Shift")
    drag_over(page, seats[0], seats[1])
    page.keyboard.up("Shift")
    expect(page.locator("#picked")).to_have_text("8")
    drag_over(page, seats[0], seats[1])
    expect(page.locator("#picked")).to_have_text("2")
    page.locator(".section-name", has_text="Floor").click()
    expect(page.locator("#picked")).to_have_text("12")


def test_says_that_it_could_not_look_and_looks_again(
    open_page: OpenPage, event: Event, seats: list[Seat], alice: User
) -> None:
    """It went on saying "Looking …" where there was no connection."""
    page = open_seats(open_page, event, alice)
    page.get_by_text("By filter or list").click()
    page.get_by_label("Rows").fill("A")
    # A request that fails on the network would be a complaint on the console, too.
    page.evaluate(
        """() => {
            const { fetch } = globalThis;
            globalThis.fetch = (...words) => {
                globalThis.fetch = fetch;
                return Promise.reject(new TypeError("Failed to fetch"));
            };
            document.querySelector("[data-find=replace]").click();
        }"""
    )
    expect(page.locator("#find-status")).to_contain_text("did not answer (no connection)")
    page.get_by_role("button", name="Select on the map").click()
    expect(page.locator("#find-status")).to_contain_text("6 seats found")


def test_paints_a_filter_shown_on_the_map(
    open_page: OpenPage, event: Event, seats: list[Seat], alice: User
) -> None:
    page = open_seats(open_page, event, alice)
    page.get_by_text("By filter or list").click()
    page.get_by_label("Rows").fill("A")
    page.get_by_label("Numbers").fill("2-3")
    page.get_by_role("button", name="Select on the map").click()
    expect(page.locator("#find-status")).to_contain_text("2 seats found")
    expect(page.locator("circle.picked")).to_have_count(2)
    page.locator("#id_kind").select_option("paint")
    page.locator("#id_category").select_option(label="Back")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("main")).to_contain_text("Done: 2 of 2 seats")
    painted = Seat.objects.filter(category__name="Back", row="A")
    assert set(painted) == set(seats[1:3])
    page = open_seats(open_page, event, alice)
    expect(page.locator(f'[id="{seats[1].pk}"]')).to_have_attribute("fill", "#0000aa")


def test_selects_by_keyboard(
    open_page: OpenPage, event: Event, seats: list[Seat], alice: User
) -> None:
    page = open_seats(open_page, event, alice)
    page.locator("#seat-map svg").focus()
    for key in ("ArrowRight", " ", "Shift+ArrowRight", "Shift+ArrowRight"):
        page.keyboard.press(key)
    expect(page.locator("#picked")).to_have_text("3")
    expect(page.locator("#map-status")).to_contain_text("Floor, row A, seat 3")
    page.keyboard.press("r")
    expect(page.locator("#picked")).to_have_text("6")


def test_works_on_a_phone_without_scrolling_sideways(
    open_page: OpenPage, event: Event, seats: list[Seat], alice: User
) -> None:
    page = open_seats(open_page, event, alice, viewport=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator(f'[id="{seats[0].pk}"]').click()
    expect(page.locator("#picked")).to_have_text("1")


def test_works_without_javascript(
    open_page: OpenPage, event: Event, seats: list[Seat], alice: User
) -> None:
    page = open_page(f"/organise/events/{event.pk}/seats/", as_user=alice, javascript=False)
    page.get_by_text("By filter or list").click()
    page.get_by_label("List of seats").fill("A-1, A-3..A-5, Z-1")
    page.locator("#id_kind").select_option("accessible")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("main")).to_contain_text("Z-1: there is no such seat")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("main")).to_contain_text("Done: 4 of 4 seats")
    assert Seat.objects.filter(accessible=True).count() == 4
