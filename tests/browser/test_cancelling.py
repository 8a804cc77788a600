"""A manager cancels an event and gives the money back, in a browser."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from sales.models import Event, EventState, Order, Seat
from tests.helpers.browsers import DESK, PHONE
from tests.helpers.cast import make_user
from tests.helpers.payments import paid

pytestmark = pytest.mark.django_db(transaction=True)


def picture(page: Page, name: str) -> None:
    """Keep a picture of a page, where WORLDSEAT_PICTURES says."""
    if folder := os.environ.get("WORLDSEAT_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_cancels_and_refunds(
    open_page: Callable[..., Page], event: Event, alice: User, seats: list[Seat]
) -> None:
    for at in (0, 2):
        paid(seats[at : at + 2], make_user())
    page = open_page(f"/organise/events/{event.pk}/", as_user=alice, viewport=PHONE)
    page.get_by_text("Cancel the event").first.click()
    picture(page, "cancel-390")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_label("I am sure").check()
    page.get_by_role("button", name="Cancel the event").click()
    expect(page.get_by_text("Give the money back next.")).to_be_visible()
    assert Event.objects.get(pk=event.pk).state == EventState.CANCELLED
    page.set_viewport_size(DESK)
    picture(page, "cancelled-1440")
    page.get_by_role("button", name="Refund all orders").click()
    expect(page.get_by_text("Done: 2 of 2 orders")).to_be_visible()
    picture(page, "refunded-1440")
    assert set(Order.objects.values_list("state", flat=True)) == {"cancelled"}
    page.goto(f"/events/{event.pk}/")
    expect(page.get_by_text("Cancelled").first).to_be_visible()
    expect(page.get_by_text("does not take place")).to_be_visible()
    picture(page, "cancelled-fan-1440")
