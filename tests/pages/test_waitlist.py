"""The waitlist's pages: whose they are, and what they say no to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from django.test import Client

from accounts.models import User
from sales.models import Event, Hold, Seat, Ticket, Waitlist, WaitlistEntry
from sales.offering import offer_returned_seats
from sales.waitlist import WaitlistRules, enlist, set_waitlist

pytestmark = pytest.mark.django_db(transaction=True)

ClientAs = Callable[[User], Client]


@pytest.fixture
def offer(event: Event, seat: Seat, fay: User, now: datetime) -> Hold:
    """What Fay is offered of the sold-out event."""
    Seat.objects.update(status="sold", changed_at=now)
    set_waitlist(event_id=event.pk, rules=WaitlistRules(is_on=True), now=now)
    enlist(event_id=event.pk, fan_id=fay.pk, quantity=1, now=now)
    Seat.objects.filter(pk=seat.pk).update(status="available", changed_at=now)
    offer_returned_seats(event_id=event.pk, now=now)
    return Hold.objects.get()


def test_an_offer_is_paid_once_by_its_fan_alone(
    client_as: ClientAs, offer: Hold, fay: User, bob: User
) -> None:
    path, card = f"/holds/{offer.pk}/pay/", {"card": "tok_ok", "key": "a" * 32}
    assert f'href="/holds/{offer.pk}/"' in client_as(fay).get("/waitlist/").content.decode()
    assert client_as(bob).post(path, card).status_code == 404
    assert client_as(bob).post(f"/waitlist/{offer.pk}/decline/").status_code == 404
    client = client_as(fay)
    answers = [client.post(path, card) for _ in range(2)]
    assert {answer["Location"] for answer in answers} == {
        f"/orders/{Ticket.objects.get().order_id}/"
    }


def test_an_offer_that_is_given_back_is_nobodys_offer(
    client_as: ClientAs, offer: Hold, fay: User
) -> None:
    client_as(fay).post(f"/waitlist/{offer.pk}/decline/")
    page = client_as(fay).get("/waitlist/")
    assert "Missed" in page.content.decode()
    assert not Ticket.objects.exists()


def test_the_organiser_sees_who_waits_and_others_do_not(
    client_as: ClientAs, offer: Hold, alice: User, bob: User, charlie: User, fay: User
) -> None:
    path = f"/organise/events/{offer.event_id}/waitlist/"
    rules = {"order": "lottery", "window_minutes": "10"}
    assert "fay@example.com" in client_as(bob).get(path).content.decode()
    for user, status in ((bob, 403), (charlie, 404), (fay, 403)):
        assert client_as(user).post(path, rules).status_code == status
    assert Waitlist.objects.get().order == "first_come"
    assert client_as(alice).post(path, rules).status_code == 302
    assert Waitlist.objects.get().window_seconds == 600


def test_says_why_one_cannot_wait(client_as: ClientAs, event: Event, fay: User) -> None:
    path = f"/events/{event.pk}/waitlist/"
    for body, told in (({"quantity": "1"}, "There are seats left"), ({}, "Say how many seats")):
        page = client_as(fay).post(path, body, follow=True)
        assert told in page.content.decode()
    assert not WaitlistEntry.objects.exists()
