"""Ordering holds in the tests of sales: through the domain functions, with the test provider."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from accounts.models import User
from sales.following_up import settle_payments
from sales.holds import Wanted, hold_seats
from sales.idempotency import Answer, Keyed, RequestKey
from sales.models import Event, Hold, Order, OrderState, Payment, Seat
from sales.orders import pay_for_hold
from sales.payments.scripted import remembered
from sales.settlement import Settled
from tests.helpers.invariants import broken_invariants

__all__ = [
    "LATER",
    "OK",
    "SOON",
    "assert_paid_once",
    "assert_sound",
    "hold",
    "key_of",
    "keyed",
    "paid",
    "pay",
    "settle_later",
]

# When a hold's time has just ended.
SOON = timedelta(seconds=601)
# The test card that pays.
OK = "tok_ok"
# When whoever was paying is no longer at it, and the hold's time is over.
LATER = timedelta(hours=1)


def hold(seats: Sequence[Seat], fan: User, **changes: Any) -> Hold:
    """Hold seats now; `changes` replace arguments of the domain function."""
    held = hold_seats(
        **{
            "event_id": seats[0].event_id,
            "wanted": [Wanted(seat.pk) for seat in seats],
            "fan_id": fan.pk,
            "region": "us-east-1",
            "now": timezone.now(),
            **changes,
        }
    )
    assert isinstance(held, Hold)
    return held


def key_of(fan: User, *, key: str = "pay-1", fingerprint: str = "f" * 64) -> RequestKey:
    """Make an idempotency key."""
    return RequestKey(fan_id=fan.pk, key=key, fingerprint=fingerprint)


def keyed(fan: User, **of_key: str) -> Keyed[Settled]:
    """Make a keyed request, answered with the order's reference and state."""
    return Keyed(key_of(fan, **of_key), render=_render)


def _render(settled: Settled) -> Answer:
    order = settled.order
    status = 402 if order.state == OrderState.FAILED else 201
    return Answer(status, {"reference": order.reference, "state": str(order.state)})


def pay(held: Hold, fan: User, token: str = OK, **changes: Any) -> Settled | Answer:
    """Pay for a hold now; `changes` replace arguments of the domain function."""
    return pay_for_hold(
        **{
            "hold_id": held.pk,
            "user": fan,
            "provider": "test",
            "token": token,
            "region": "us-east-1",
            "keyed": keyed(fan),
            **changes,
        }
    )


def paid(seats: Sequence[Seat], fan: User, token: str = OK, *, key: str = "paid") -> Order:
    """Hold seats and pay for them; return the order."""
    settled = pay(hold(seats, fan), fan, token, keyed=keyed(fan, key=key))
    assert isinstance(settled, Settled)
    assert settled.order.state == OrderState.PAID
    return Order.objects.with_tickets().get(pk=settled.order.pk)


def settle_later(after: timedelta = LATER) -> int:
    """Run the task that goes on with payments that were left behind, some time from now."""
    return settle_payments(clock=lambda: timezone.now() + after)


def assert_paid_once(fan: User) -> Order:
    """Check that a fan has one paid order, one ticket a seat, and was charged once."""
    order = Order.objects.get(fan=fan)
    assert order.state == OrderState.PAID
    charged = [payment for payment in Payment.objects.all() if captures(payment)]
    (payment,) = charged
    assert (payment.order_id, payment.state) == (order.pk, "captured")
    assert captures(payment) == 1
    assert remembered(payment.pk)["amount"] == str(order.total_minor)
    return order


def captures(payment: Payment) -> int:
    """Return how often the provider has taken the money of a payment."""
    return int(remembered(payment.pk).get("captures", 0))


def assert_sound(event: Event, now: datetime | None = None) -> None:
    """Check all invariants of an event."""
    assert not broken_invariants(event_id=event.pk, now=now or timezone.now())
