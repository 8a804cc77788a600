"""Buying a seat in the tests of sales: through the domain function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connection
from django.utils import timezone

from accounts.models import User
from sales.idempotency import Answer, Keyed, RequestKey
from sales.models import Allowance, LedgerEntry, Order, Seat, SeatStatus, StoredAnswer, Ticket
from sales.purchases import purchase

__all__ = ["assert_sold_once", "assert_untouched", "buy", "keyed", "meeting_at"]


def buy(seat: Seat, fan: User, **changes: Any) -> Order | Answer:
    """Buy a seat now; `changes` replace arguments of the purchase."""
    return purchase(
        **{
            "event_id": seat.event_id,
            "seat_id": seat.pk,
            "fan_id": fan.pk,
            "region": "us-east-1",
            "now": timezone.now(),
            **changes,
        }
    )


def keyed(fan: User, *, key: str = "key-1", fingerprint: str = "f" * 64) -> Keyed[Order]:
    """Make an idempotency key, answered with 201 and the order's reference."""
    return Keyed(
        RequestKey(fan_id=fan.pk, key=key, fingerprint=fingerprint),
        render=lambda order: Answer(201, {"reference": order.reference}),
    )


def assert_sold_once(seat: Seat) -> None:
    """Check that seat, order, ticket and ledger tell of one sale of this seat."""
    seat.refresh_from_db()
    assert seat.status == SeatStatus.SOLD
    ticket = Ticket.objects.get(seat=seat)
    entry = LedgerEntry.objects.get(order=ticket.order)
    assert ticket.order.total_minor == ticket.price_minor == entry.amount_minor


def assert_untouched(seat: Seat) -> None:
    """Check that no sale has left anything."""
    seat.refresh_from_db()
    assert seat.status == SeatStatus.AVAILABLE
    for model in (Order, Ticket, LedgerEntry, Allowance, StoredAnswer):
        assert not model._default_manager.exists(), model


def meeting_at(wait: Callable[[], object], statement: str, call: Callable[[], Any]) -> Any:
    """Run a call that waits for the others just before its first such statement."""
    met = False

    def meet(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal met
        if sql.lstrip().startswith(statement) and not met:
            met = True
            wait()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(meet):
        return call()
