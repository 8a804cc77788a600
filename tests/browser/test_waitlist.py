"""A fan waits for a seat that comes back, in a browser, and pays the offer."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.cache import cache
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from sales.models import Event, Seat, Ticket
from sales.offering import offer_returned_seats
from sales.waitlist import WaitlistRules, set_waitlist
from tests.helpers.browsers import DESK, PHONE, picture

pytestmark = pytest.mark.django_db(transaction=True)


def test_joins_is_offered_and_pays(
    open_page: Callable[..., Page], event: Event, seat: Seat, fay: User, alice: User
) -> None:
    cache.clear()
    now = timezone.now()
    Seat.objects.update(status="sold", changed_at=now)
    set_waitlist(event_id=event.pk, rules=WaitlistRules(is_on=True), now=now)
    page = open_page(f"/events/{event.pk}/", as_user=fay, viewport=PHONE)
    picture(page, "waitlist-join-390")
    page.get_by_role("button", name="Join the waitlist").click()
    expect(page.get_by_text("We write to you when seats come back")).to_be_visible()
    Seat.objects.filter(pk=seat.pk).update(status="available", changed_at=timezone.now())
    offer_returned_seats(event_id=event.pk, now=timezone.now())
    page.reload()
    expect(page.get_by_text("Floor, row A, seat 1")).to_be_visible()
    picture(page, "waitlist-offer-390")
    organiser = open_page(f"/organise/events/{event.pk}/waitlist/", as_user=alice, viewport=DESK)
    expect(organiser.get_by_role("cell", name="Offered until")).to_be_visible()
    picture(organiser, "waitlist-organiser-1440")
    page.get_by_role("link", name="Pay 45.00 EUR").click()
    picture(page, "waitlist-pay-390")
    page.get_by_role("button", name="Pay 45.00 EUR").click()
    expect(page.get_by_text("The seats are yours.")).to_be_visible()
    assert Ticket.objects.get().fan == fay
