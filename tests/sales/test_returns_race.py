"""Two who change one ticket at the same instant: one of them does, the other sees it done.

They meet at the worst place, both having read that the ticket is valid before either writes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from sales.cancelling import OrderNotPaid, Refunded
from sales.exchanges import Exchanged
from sales.models import (
    Allowance,
    Event,
    LedgerEntry,
    Order,
    Refund,
    Seat,
    SeatStatus,
    Ticket,
    TicketState,
)
from sales.scanning import Verdict
from sales.seats import SeatTaken
from sales.tickets import TicketUsed, TicketVoid, reissue
from tests.helpers.admission import scan
from tests.helpers.cast import at_once
from tests.helpers.payments import assert_sound, paid
from tests.helpers.purchases import buy, meeting_at
from tests.helpers.returns import cancel, refund, swap

pytestmark = pytest.mark.django_db(transaction=True)

WRITES_THE_TICKET = 'UPDATE "sales_ticket"'


@pytest.fixture
def lenient(event: Event) -> Event:
    """The event lets fans cancel and exchange by themselves."""
    Event.objects.update(fans_cancel_until=timezone.now() + timedelta(days=1))
    event.refresh_from_db()
    return event


def meet(*calls: Callable[[], Any], at: str = WRITES_THE_TICKET) -> list[Any]:
    """Let calls run at once, all of which have read before one of them writes."""
    all_have_read = threading.Barrier(len(calls))
    wait = partial(all_have_read.wait, 30)
    return at_once([partial(meeting_at, wait, at, call) for call in calls])


def money_back() -> int:
    return -sum(LedgerEntry.objects.filter(kind="refund").values_list("amount_minor", flat=True))


def test_an_order_is_cancelled_once(lenient: Event, seats: list[Seat], fay: User) -> None:
    order = paid(seats[:2], fay)
    told = meet(partial(cancel, order), partial(cancel, order))
    assert [each.state for each in told] == ["cancelled"] * 2, told
    assert money_back() == 9000
    assert Refund.objects.count() == 1
    assert Allowance.objects.get().used == 0
    assert_sound(lenient)


def test_an_order_is_cancelled_or_refunded(
    lenient: Event, seats: list[Seat], fay: User, bob: User
) -> None:
    order = paid(seats[:2], fay)
    told = meet(partial(cancel, order), partial(refund, order, bob))
    assert isinstance(told[0], Order)
    assert isinstance(told[1], Refunded | OrderNotPaid), told
    assert money_back() == 9000
    assert_sound(lenient)


def test_two_tickets_of_an_order_are_refunded_within_what_was_paid(
    lenient: Event, seats: list[Seat], fay: User, bob: User, alice: User
) -> None:
    """Each of the refunds alone would be less than what is left (write skew)."""
    order = paid(seats[:2], fay)
    one, two = order.tickets.all()
    told = meet(
        partial(refund, order, bob, ticket_ids=[one.pk], amount_minor=6000),
        partial(refund, order, alice, ticket_ids=[two.pk], amount_minor=6000),
    )
    assert [type(each).__name__ for each in told].count("Refunded") == 1, told
    assert money_back() == 6000
    assert_sound(lenient)


def test_the_last_two_tickets_of_an_order_end_it(
    lenient: Event, seats: list[Seat], fay: User, bob: User, alice: User
) -> None:
    """Each of the refunds sees the other ticket valid."""
    order = paid(seats[:2], fay)
    one, two = order.tickets.all()
    meet(
        partial(refund, order, bob, ticket_ids=[one.pk]),
        partial(refund, order, alice, ticket_ids=[two.pk]),
    )
    order.refresh_from_db()
    assert (order.state, order.refunded_minor) == ("cancelled", 9000)
    assert_sound(lenient)


def test_a_ticket_admits_or_is_cancelled(lenient: Event, seat: Seat, fay: User, bob: User) -> None:
    order = paid([seat], fay)
    ticket = Ticket.objects.select_related("event").get()
    cancelled, scanned = meet(partial(cancel, order), partial(scan, ticket, bob))
    assert isinstance(scanned, Verdict)
    if scanned.admits:
        assert isinstance(cancelled, TicketUsed)
        assert money_back() == 0
    else:
        assert isinstance(cancelled, Order)
        assert money_back() == 4500
    assert_sound(lenient)


def test_a_ticket_is_exchanged_once(lenient: Event, seats: list[Seat], fay: User) -> None:
    ticket = paid(seats[:1], fay).tickets.get()
    told = meet(partial(swap, ticket, seats[6], fay), partial(swap, ticket, seats[7], fay))
    assert {type(each) for each in told} == {Exchanged, TicketVoid}, told
    assert Ticket.objects.filter(state=TicketState.VALID).count() == 1
    assert Seat.objects.filter(status=SeatStatus.SOLD).count() == 1
    assert money_back() == 2000
    assert_sound(lenient)


def test_a_ticket_is_exchanged_or_cancelled(lenient: Event, seats: list[Seat], fay: User) -> None:
    order = paid(seats[:1], fay)
    told = meet(partial(swap, order.tickets.get(), seats[6], fay), partial(cancel, order))
    # Cancelled after the exchange, what is left of the money follows.
    assert isinstance(told[0], Exchanged | TicketVoid), told
    assert isinstance(told[1], Order), told
    assert money_back() == 4500
    assert not Ticket.objects.filter(state=TicketState.VALID).exists()
    assert_sound(lenient)


def test_a_ticket_is_exchanged_or_reissued(lenient: Event, seats: list[Seat], fay: User) -> None:
    ticket = paid(seats[:1], fay).tickets.get()
    meet(
        partial(swap, ticket, seats[6], fay),
        partial(reissue, ticket_id=ticket.pk, user=fay, now=timezone.now()),
    )
    assert Ticket.objects.filter(state=TicketState.VALID).get().seat_id == seats[6].pk
    assert_sound(lenient)


def test_a_seat_is_bought_or_taken_in_exchange(
    lenient: Event, seats: list[Seat], fay: User, charlie: User
) -> None:
    ticket = paid(seats[:1], fay).tickets.get()
    told = meet(
        partial(swap, ticket, seats[6], fay),
        partial(buy, seats[6], charlie),
        at='UPDATE "sales_seat"',
    )
    assert [isinstance(each, SeatTaken) for each in told].count(True) == 1, told
    assert Ticket.objects.filter(seat=seats[6], state=TicketState.VALID).count() == 1
    assert_sound(lenient)


def test_two_fans_exchange_for_each_others_seat_and_neither_gets_it(
    lenient: Event, seats: list[Seat], fay: User, charlie: User
) -> None:
    """Each seat is sold until the other exchange commits; none is sold twice."""
    mine, hers = paid(seats[:1], fay).tickets.get(), paid(seats[1:2], charlie).tickets.get()
    told = at_once([partial(swap, mine, seats[1], fay), partial(swap, hers, seats[0], charlie)])
    assert {type(each) for each in told} == {SeatTaken}, told
    assert_sound(lenient)
