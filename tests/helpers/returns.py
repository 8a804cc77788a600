"""Giving tickets back in the tests of sales: through the domain functions."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from accounts.models import User
from sales.cancelling import Refunded, cancel_order, refund_order
from sales.exchanges import Exchanged, exchange
from sales.idempotency import Answer, Keyed
from sales.models import Order, Seat, Ticket
from tests.helpers.payments import key_of

__all__ = ["cancel", "refund", "swap"]


def cancel(order: Order) -> Order:
    return cancel_order(order_id=order.pk, user=order.fan, now=timezone.now())


def refund(order: Order, by: User, **what: Any) -> Refunded | Answer:
    request = key_of(by, key=what.pop("key", "refund"))
    return refund_order(
        order_id=order.pk,
        user=by,
        now=timezone.now(),
        keyed=Keyed(request, render=lambda done: Answer(201, {"amount": done.amount_minor})),
        **what,
    )


def swap(ticket: Ticket, seat: Seat, by: User, **what: Any) -> Exchanged:
    request = key_of(by, key=what.pop("key", f"to {seat.pk}"))
    done = exchange(
        ticket_id=ticket.pk,
        seat_id=seat.pk,
        user=by,
        now=timezone.now(),
        keyed=Keyed(request, render=lambda done: Answer(201, {"ticket": str(done.ticket.pk)})),
        **what,
    )
    assert isinstance(done, Exchanged)
    return done
