"""A new code or another seat for a fan's ticket, at the organiser's desk."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import AuditEntry, Role, User
from sales.models import Order, Seat, SeatStatus, Ticket
from tests.helpers.admission import make_ticket
from tests.helpers.cast import at_once, make_member
from tests.helpers.payments import assert_sound
from tests.helpers.purchases import buy
from tests.organise.forms import post

pytestmark = pytest.mark.django_db(transaction=True)

ClientAs = Callable[[User], Client]


@pytest.fixture
def ticket(seats: list[Seat], fay: User) -> Ticket:
    """Fay's ticket for B-1, 25.00."""
    return make_ticket(seats[6], fay)


def test_reissues_once_a_form(client_as: ClientAs, bob: User, ticket: Ticket) -> None:
    path, key = f"/organise/tickets/{ticket.pk}/reissue/", uuid4().hex
    for _ in range(2):
        assert post(client_as(bob), path, key).url == f"/organise/orders/{ticket.order_id}/"
    ticket.refresh_from_db()
    assert ticket.issue == 2
    (entry,) = AuditEntry.objects.filter(action="ticket.reissued")
    assert (entry.actor, entry.changes["issue"]) == (bob, [1, 2])


def test_exchanges_for_a_dearer_seat(
    client_as: ClientAs, bob: User, ticket: Ticket, seats: list[Seat]
) -> None:
    client = client_as(bob)
    path = f"/organise/tickets/{ticket.pk}/exchange/"
    assert "A-1 · 45.00 EUR" in client.get(path).content.decode()
    key = uuid4().hex
    for _ in range(2):
        assert post(client, path, key, seat=str(seats[0].pk)).status_code == 302
    order = Order.objects.get(pk=ticket.order_id)
    assert order.total_minor == 4500
    assert Ticket.objects.filter(order=order).count() == 2
    page = client.get(f"/organise/orders/{order.pk}/").content.decode()
    assert "Floor B-1 → Floor A-1" in page
    assert_sound(ticket.event)


def test_says_who_was_faster(
    client_as: ClientAs, bob: User, ticket: Ticket, seats: list[Seat]
) -> None:
    buy(seats[7], make_member("gus", ticket.event.organisation, Role.VIEWER))
    path = f"/organise/tickets/{ticket.pk}/exchange/"
    answer = post(client_as(bob), path, seat=str(seats[7].pk))
    assert answer.status_code == 409
    assert "Somebody was faster: Floor B-2 is taken." in answer.content.decode()
    assert post(client_as(bob), path).status_code == 400
    ticket.refresh_from_db()
    assert ticket.state == "valid"


def test_a_fan_and_a_clerk_want_one_seat(
    client_as: ClientAs, bob: User, charlie: User, ticket: Ticket, seats: list[Seat]
) -> None:
    path, seat = f"/organise/tickets/{ticket.pk}/exchange/", seats[7]
    at_once(
        [
            lambda: post(client_as(bob), path, seat=str(seat.pk)),
            lambda: buy(seat, charlie),
        ]
    )
    assert Ticket.objects.filter(seat=seat, state="valid").count() == 1
    assert Seat.objects.get(pk=seat.pk).status == SeatStatus.SOLD
    assert_sound(ticket.event)


def test_is_for_the_box_office_of_this_organisation(
    client_as: ClientAs, charlie: User, ticket: Ticket, seats: list[Seat]
) -> None:
    vera = make_member("vera", ticket.event.organisation, Role.VIEWER)
    for user, status in ((charlie, 404), (vera, 403)):
        client = client_as(user)
        for way in ("exchange", "reissue"):
            path = f"/organise/tickets/{ticket.pk}/{way}/"
            assert post(client, path, seat=str(seats[0].pk)).status_code == status
        assert client.get(f"/organise/tickets/{ticket.pk}/exchange/").status_code == status
    ticket.refresh_from_db()
    assert (ticket.state, ticket.issue) == ("valid", 1)
