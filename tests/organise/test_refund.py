"""Giving back at the organiser's desk: in part, whole, once a form, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import AuditEntry, Role, User
from sales.models import Order, OrderState, Refund, Seat, SeatStatus, Ticket
from tests.helpers.cast import at_once, make_event, make_member
from tests.helpers.payments import assert_sound, paid
from tests.organise.forms import post

pytestmark = pytest.mark.django_db(transaction=True)

ClientAs = Callable[[User], Client]


@pytest.fixture
def order(acme: Any, fay: User) -> Order:
    """Two seats at 45.00 and a fee of 2.00 each."""
    event = make_event(acme, name="With fees", fee_minor=200)
    return paid(list(event.seats.in_order().select_related("category"))[:2], fay)


def give_back(client: Client, order: Order, key: str = "", **fields: Any) -> Any:
    given = {"back": "full", "seats": "sell", **fields}
    return post(client, f"/organise/orders/{order.pk}/refund/", key, **given)


def tickets(order: Order) -> list[Ticket]:
    return list(Ticket.objects.filter(order=order).order_by("seat__position"))


def test_one_ticket_goes_back_and_its_seat_on_sale(
    client_as: ClientAs, bob: User, order: Order
) -> None:
    first, _ = tickets(order)
    client = client_as(bob)
    answer = give_back(client, order, tickets=str(first.pk), reason="Ill")
    assert answer.url == f"/organise/orders/{order.pk}/"
    order.refresh_from_db()
    assert (order.refunded_minor, order.state) == (4700, OrderState.PAID)
    assert [ticket.state for ticket in tickets(order)] == ["void", "valid"]
    assert Seat.objects.get(pk=first.seat_id).status == SeatStatus.AVAILABLE
    (entry,) = AuditEntry.objects.filter(action="order.refunded")
    assert (entry.actor, entry.changes["refunded_minor"]) == (bob, [0, 4700])
    page = client.get(answer.url).content.decode()
    assert "<b>Refunded</b>" in page
    assert "Went back: 0.00 EUR → 47.00 EUR" in page
    assert "bob@example.com" in page
    assert_sound(order.event)


def test_keeps_fees_and_seats(client_as: ClientAs, bob: User, order: Order) -> None:
    both = [str(ticket.pk) for ticket in tickets(order)]
    give_back(client_as(bob), order, tickets=both, back="no-fees", seats="block")
    order.refresh_from_db()
    assert (order.refunded_minor, order.state) == (9000, OrderState.CANCELLED)
    assert {seat.status for seat in Seat.objects.filter(tickets__order=order)} == {"blocked"}
    assert_sound(order.event)


def test_gives_an_amount_or_nothing(client_as: ClientAs, bob: User, order: Order) -> None:
    client = client_as(bob)
    give_back(client, order, back="amount", amount="12,5")
    order.refresh_from_db()
    assert (order.refunded_minor, order.state) == (1250, OrderState.PAID)
    give_back(client, order, back="nothing", tickets=str(tickets(order)[0].pk))
    order.refresh_from_db()
    assert order.refunded_minor == 1250
    assert [ticket.state for ticket in tickets(order)] == ["void", "valid"]
    assert_sound(order.event)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "Choose tickets, or an amount of money."),
        ({"back": "amount", "amount": "much"}, "Write the amount as 12.50."),
        ({"back": "amount", "amount": "0.005"}, "Write the amount as 12.50."),
        ({"back": "amount", "amount": "-1"}, "not negative"),
        ({"back": "amount", "amount": "94.01"}, "At most 94.00 EUR can still go back."),
        ({"tickets": str(uuid4())}, "Nothing was changed."),
        ({"back": "amount", "amount": "1", "key": "x"}, "The form was not complete."),
    ],
)
def test_says_why_not(
    client_as: ClientAs, bob: User, order: Order, fields: dict[str, str], said: str
) -> None:
    answer = give_back(client_as(bob), order, **fields)
    assert answer.status_code in {400, 409}
    assert said in answer.content.decode()
    assert not Refund.objects.exists()
    assert not AuditEntry.objects.filter(action="order.refunded").exists()


def test_a_double_click_gives_back_once(client_as: ClientAs, bob: User, order: Order) -> None:
    key, fields = uuid4().hex, {"back": "amount", "amount": "5"}
    answers = at_once([lambda: give_back(client_as(bob), order, key, **fields) for _ in range(2)])
    assert [getattr(answer, "status_code", answer) for answer in answers] == [302, 302]
    order.refresh_from_db()
    assert order.refunded_minor == 500
    again = give_back(client_as(bob), order, key, back="amount", amount="6")
    assert again.status_code == 409
    assert "was used before" in again.content.decode()


def test_two_clerks_give_a_ticket_back_once(
    client_as: ClientAs, alice: User, bob: User, order: Order
) -> None:
    chosen = str(tickets(order)[0].pk)
    answers = at_once(
        [
            lambda: give_back(client_as(alice), order, tickets=chosen),
            lambda: give_back(client_as(bob), order, tickets=chosen),
        ]
    )
    assert sorted(getattr(answer, "status_code", 0) for answer in answers) == [302, 409]
    order.refresh_from_db()
    assert order.refunded_minor == 4700
    assert_sound(order.event)


def test_is_for_the_box_office_of_this_organisation(
    client_as: ClientAs, charlie: User, order: Order
) -> None:
    chosen = str(tickets(order)[0].pk)
    vera = make_member("vera", order.event.organisation, Role.VIEWER)
    assert give_back(client_as(charlie), order, tickets=chosen).status_code == 404
    assert give_back(client_as(vera), order, tickets=chosen).status_code == 403
    assert not Refund.objects.exists()
