"""What people do most, by keyboard alone: no mouse, focus always seen, results announced."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from accounts.models import User
from sales.models import Event, Order, Seat, Ticket
from sales.tickets import code_of
from tests.helpers.admission import make_ticket
from tests.helpers.browsers import PHONE

pytestmark = pytest.mark.django_db(transaction=True)

OpenPage = Callable[..., Page]
# Longer ways than this nobody should have to go.
MOST_TABS = 60

_SEEN = """() => {
  const style = getComputedStyle(document.activeElement);
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  const box = document.activeElement.getBoundingClientRect();
  return (outlined || style.boxShadow !== "none") && box.width > 0 && box.height > 0
    && box.bottom > 0 && box.top < innerHeight;
}"""
_ORDER = """() => [...document.querySelectorAll("[tabindex]")]
  .filter((each) => each.tabIndex > 0).map((each) => each.outerHTML)"""


def tab_to(page: Page, wanted: Locator, *, back: bool = False) -> None:
    """Press Tab until the focus is there; wherever it comes by, it has to be seen."""
    assert page.evaluate(_ORDER) == [], "the order of the page is the order of the keys"
    handle = wanted.element_handle()
    for _ in range(MOST_TABS):
        page.keyboard.press("Shift+Tab" if back else "Tab")
        assert page.evaluate(_SEEN), page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
        if page.evaluate("(wanted) => document.activeElement === wanted", handle):
            return
    raise AssertionError(f"Not reached in {MOST_TABS} steps: {wanted}")


def announced(page: Page, words: str) -> None:
    """Expect words where they are read out: in a live region."""
    live = page.locator("[role=status], [role=alert], [aria-live]")
    expect(live.filter(has_text=words).first).to_be_visible()


def test_a_fan_chooses_on_the_map_and_buys(
    open_page: OpenPage, event: Event, seats: list[Seat], fay: User
) -> None:
    page = open_page("/", as_user=fay)
    tab_to(page, page.get_by_role("link", name="Opening Night"))
    page.keyboard.press("Enter")
    expect(page.locator("#seat-map[data-ready]")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_role("application", name="Seat map"))
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    announced(page, "row B, seat 2")
    page.keyboard.press("Enter")
    announced(page, "row B, seat 2: 25.00 EUR. Chosen; nothing is bought yet.")
    tab_to(page, page.get_by_role("button", name="Buy for 25.00 EUR"))
    page.keyboard.press("Enter")
    announced(page, "The seat is yours.")
    assert Ticket.objects.get().seat.label == "B-2"


def test_the_box_office_refunds(
    open_page: OpenPage, event: Event, seats: list[Seat], bob: User, fay: User
) -> None:
    ticket = make_ticket(seats[0], fay)
    page = open_page("/organise/orders/", as_user=bob)
    search = page.get_by_role("searchbox")
    expect(search).to_be_focused()
    page.keyboard.type("fay")
    page.keyboard.press("Enter")
    page.wait_for_url("**/organise/orders/?q=fay*")
    tab_to(page, page.get_by_role("link", name=ticket.order.reference))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Refund or cancel")).to_be_visible()
    tab_to(page, page.get_by_role("checkbox", name="A-1"))
    page.keyboard.press("Space")
    tab_to(page, page.get_by_label("Reason, for your books"))
    page.keyboard.type("Ill")
    tab_to(page, page.get_by_role("button", name="Give back"))
    page.keyboard.press("Enter")
    announced(page, "went back")
    assert Order.objects.get().state == "cancelled"


@pytest.mark.parametrize("viewport", [PHONE])
def test_the_door_scans_one_ticket_after_the_other(
    open_page: OpenPage, event: Event, seats: list[Seat], bob: User, fay: User, viewport: object
) -> None:
    tickets = [make_ticket(seat, fay) for seat in seats[:2]]
    page = open_page(f"/door/{event.pk}/", as_user=bob, viewport=viewport)
    expect(page.locator("body[data-kept]")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the code")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Code of the ticket")).to_be_focused()
    for ticket, place in zip(tickets, ("seat 1", "seat 2"), strict=True):
        page.keyboard.type(code_of(ticket))
        page.keyboard.press("Enter")
        announced(page, f"Floor · row A · {place}")
        announced(page, "Let in")
        expect(page.get_by_label("Code of the ticket")).to_be_focused()
    page.keyboard.type(code_of(tickets[0]))
    page.keyboard.press("Enter")
    announced(page, "Already let in")
    assert Ticket.objects.exclude(admitted_at=None).count() == 2
    tab_to(page, page.get_by_text("This device", exact=True))


def test_a_manager_blocks_a_row(
    open_page: OpenPage, event: Event, seats: list[Seat], alice: User
) -> None:
    page = open_page(f"/organise/events/{event.pk}/seats/", as_user=alice)
    expect(page.locator("#seat-map[data-ready]")).to_be_visible()
    tab_to(page, page.get_by_role("button", name="Invert"))
    tab_to(page, page.get_by_role("application", name="Seat map"))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    announced(page, "row B, seat 1")
    page.keyboard.press("r")
    announced(page, "6 selected")
    page.keyboard.press("Space")
    announced(page, "5 selected")
    page.keyboard.press("Escape")
    announced(page, "0 selected")
    page.keyboard.press("r")
    tab_to(page, page.get_by_label("Change"))
    page.keyboard.type("Block")
    tab_to(page, page.get_by_label("Reason"))
    page.keyboard.type("Camera")
    tab_to(page, page.get_by_role("button", name="Preview"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Apply")).to_be_visible()
    tab_to(page, page.get_by_role("button", name="Apply"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("6 changed")).to_be_visible()
    assert event.seats.filter(row="B", status="blocked").count() == 6
