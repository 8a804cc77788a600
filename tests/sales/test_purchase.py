"""A purchase sells one seat to one fan, completely or not at all."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import DataError, connection
from django.utils import timezone

from accounts.models import Organisation, User
from sales.events import NotOnSale
from sales.limits import LimitReached
from sales.models import Event, LedgerKind, Order, Seat, SeatStatus, Ticket, TicketState
from sales.seats import SeatTaken, UnknownSeat
from tests.helpers.cast import make_event
from tests.helpers.purchases import assert_sold_once, assert_untouched, buy, keyed
from tests.helpers.round_trips import counted_round_trips

pytestmark = pytest.mark.django_db(transaction=True)

# BEGIN, earlier answer, seat; seat, allowance, order, ticket, ledger, outbox, answer, COMMIT.
ROUND_TRIPS = 11


def test_sells_a_seat(seat: Seat, fay: User, now: datetime) -> None:
    order = buy(seat, fay, now=now)

    assert isinstance(order, Order)
    assert_sold_once(seat)
    assert seat.changed_at == now
    assert (order.fan, order.event, order.region) == (fay, seat.event, "us-east-1")
    ticket = Ticket.objects.get()
    assert (ticket.fan, ticket.state, ticket.price_minor) == (fay, TicketState.VALID, 4500)
    entry = order.ledger_entries.get()
    assert (entry.kind, entry.amount_minor, entry.currency) == (LedgerKind.SALE, 4500, "EUR")


def test_returns_the_order_with_its_tickets_at_hand(
    seat: Seat, fay: User, django_assert_num_queries: Any
) -> None:
    order = buy(seat, fay)
    assert isinstance(order, Order)
    with django_assert_num_queries(0):
        assert [str(ticket.seat) for ticket in order.tickets.all()] == ["Floor A-1"]
    assert list(Order.objects.get().tickets.all()) == list(order.tickets.all())


@pytest.mark.parametrize("status", [SeatStatus.SOLD, SeatStatus.HELD, SeatStatus.BLOCKED])
def test_refuses_a_seat_that_is_not_available(seat: Seat, fay: User, status: str) -> None:
    Seat.objects.filter(pk=seat.pk).update(
        status=status, held_until=timezone.now() + timedelta(minutes=1)
    )
    with pytest.raises(SeatTaken, match=f"Floor A-1 is {status}"):
        buy(seat, fay)
    assert not Order.objects.exists()
    seat.refresh_from_db()
    assert seat.status == status


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"state": "paused"}, "paused"),
        ({"state": "closed"}, "not on sale"),
        ({"on_sale_at": timedelta(hours=1)}, "not started"),
        ({"off_sale_at": timedelta(minutes=-1)}, "ended"),
    ],
)
def test_refuses_a_sale_outside_of_its_time(
    seat: Seat, fay: User, now: datetime, changes: dict[str, Any], reason: str
) -> None:
    fields = {
        name: now + value if isinstance(value, timedelta) else value
        for name, value in changes.items()
    }
    Event.objects.filter(pk=seat.event_id).update(**fields)
    with pytest.raises(NotOnSale, match=reason):
        buy(seat, fay, now=now)
    assert_untouched(seat)


def test_sells_from_the_first_instant_of_the_window_to_the_last(
    seats: list[Seat], fay: User, event: Event
) -> None:
    buy(seats[0], fay, now=event.on_sale_at)
    buy(seats[1], fay, now=event.off_sale_at - timedelta(microseconds=1))
    with pytest.raises(NotOnSale):
        buy(seats[2], fay, now=event.off_sale_at)
    with pytest.raises(NotOnSale):
        buy(seats[2], fay, now=event.on_sale_at - timedelta(microseconds=1))
    assert Order.objects.count() == 2


def test_knows_no_seat_of_another_event(seat: Seat, fay: User, rival: Organisation) -> None:
    other = make_event(rival)
    with pytest.raises(UnknownSeat):
        buy(seat, fay, event_id=other.pk)
    with pytest.raises(UnknownSeat):
        buy(seat, fay, seat_id=uuid4())
    assert_untouched(seat)


def test_knows_no_seat_of_a_draft_or_of_a_plan_that_is_not_complete(seat: Seat, fay: User) -> None:
    events = Event.objects.filter(pk=seat.event_id)
    events.update(state="draft")
    with pytest.raises(UnknownSeat):
        buy(seat, fay)
    events.update(state="published", plan=None)
    with pytest.raises(UnknownSeat):
        buy(seat, fay)
    assert_untouched(seat)


def test_stops_at_the_limit_of_a_fan(seats: list[Seat], fay: User, charlie: User) -> None:
    Event.objects.update(limit_per_fan=2)
    buy(seats[0], fay)
    buy(seats[1], fay)
    with pytest.raises(LimitReached) as refusal:
        buy(seats[2], fay)
    assert refusal.value.limit == 2
    seats[2].refresh_from_db()
    assert seats[2].status == SeatStatus.AVAILABLE
    buy(seats[2], charlie)
    assert Ticket.objects.filter(fan=fay).count() == 2


def test_leaves_nothing_whichever_statement_fails(seat: Seat, fay: User) -> None:
    failed = 0
    while _buy_failing_after(failed, seat, fay):
        assert_untouched(seat)
        failed += 1
    assert failed == ROUND_TRIPS - 2, "every statement between BEGIN and COMMIT has failed once"
    assert_sold_once(seat)


def _buy_failing_after(statements: int, seat: Seat, fan: User) -> bool:
    """Buy with an error after so many statements; False if the purchase had no more of them."""
    ran = 0

    def fail(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal ran
        result = execute(sql, params, many, context)
        ran += 1
        if ran > statements:
            raise DataError(f"after {sql}")
        return result

    with connection.execute_wrapper(fail):
        try:
            buy(seat, fan, keyed=keyed(fan))
        except DataError:
            return True
    return False


def test_leaves_nothing_when_commit_fails(
    seat: Seat, fay: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise DataError("transaction size limit 10mb exceeded")

    monkeypatch.setattr(connection, "_commit", fail)
    with pytest.raises(DataError):
        buy(seat, fay, keyed=keyed(fay))
    monkeypatch.undo()
    assert_untouched(seat)


def test_takes_no_more_round_trips_than_it_did(seat: Seat, fay: User) -> None:
    with counted_round_trips() as waits:
        buy(seat, fay, keyed=keyed(fay))
    assert len(waits) == ROUND_TRIPS, waits
