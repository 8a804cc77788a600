"""What follows from a provider's answer, at once or later: the money goes where its order went.

The request that pays does it, and `settle_payments`, on beat, for those that were left behind.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

from django.db import OperationalError
from django.utils import timezone

from sales.idempotency import Answer, Keyed
from sales.models import OrderState, Payment
from sales.payments import Authorization, Provider, Refused, TimedOut, provider_named
from sales.settlement import (
    UNSETTLED,
    Settled,
    give_up,
    load_payment,
    note_captured,
    note_trouble,
    note_voided,
    settle_authorized,
    settle_refused,
    unsettled_payments,
)

__all__ = ["Clock", "follow_up", "log_trouble", "settle", "settle_payments"]

# How long the request that pays is left alone by `settle_payments`, which looks at so many.
SETTLE_AFTER = timedelta(seconds=30)
SETTLED_AT_ONCE = 200

Clock = Callable[[], datetime]

_log = logging.getLogger(__name__)


def settle(
    payment: Payment,
    outcome: Authorization | Refused,
    keyed: Keyed[Settled] | None,
    clock: Clock,
) -> Settled | Answer:
    """Settle a payment's order by what the provider said."""
    if isinstance(outcome, Refused):
        return settle_refused(payment_id=payment.pk, refusal=outcome, now=clock(), keyed=keyed)
    return settle_authorized(payment_id=payment.pk, authorization=outcome, now=clock(), keyed=keyed)


def follow_up(settled: Settled, provider: Provider, clock: Clock) -> None:
    """Capture the payment of a paid order, void that of a failed one; later, if that fails."""
    order, payment = settled.order, settled.payment
    if payment.state not in UNSETTLED:
        return
    try:
        if order.state in {OrderState.PAID, OrderState.CANCELLED}:
            provider.capture(payment_id=payment.pk, reference=payment.reference)
            note_captured(payment_id=payment.pk, now=clock())
        elif order.state == OrderState.FAILED:
            provider.void(payment_id=payment.pk)
            note_voided(payment_id=payment.pk, now=clock())
    except Exception as error:
        # The order is decided, and that is what she is told; `settle_payments` comes again.
        log_trouble(payment.pk, error)
        with suppress(OperationalError):
            reason = str(error) if isinstance(error, Refused) else "No answer yet."
            note_trouble(payment_id=payment.pk, reason=reason, now=clock())


def log_trouble(payment_id: UUID, error: Exception) -> None:
    """Log that a provider did not do what it was asked; with a trace, if in a way of its own."""
    expected = isinstance(error, TimedOut | Refused)
    _log.warning("Payment %s: %r", payment_id, error, exc_info=None if expected else error)


def settle_payments(*, clock: Clock = timezone.now) -> int:
    """Go on with payments that were left behind, and return how many it looked at.

    An order whose request died, a late answer, a capture or a void that failed.
    """
    left = unsettled_payments(before=clock() - SETTLE_AFTER, limit=SETTLED_AT_ONCE)
    for payment_id in left:
        try:
            _settle_left(payment_id, clock)
        except Exception:
            # One that cannot be settled keeps none of the others waiting.
            _log.exception("Payment %s could not be settled.", payment_id)
    return len(left)


def _settle_left(payment_id: UUID, clock: Clock) -> None:
    settled = load_payment(payment_id=payment_id)
    provider = provider_named(settled.payment.provider)
    if settled.order.state == OrderState.PENDING:
        settled = _ask_again(settled, provider, clock)
    follow_up(settled, provider, clock)


def _ask_again(settled: Settled, provider: Provider, clock: Clock) -> Settled:
    """Settle an order by what the provider says now; without an answer, in the hold's time."""
    payment = settled.payment
    outcome: Authorization | Refused | None
    try:
        outcome = provider.lookup(payment_id=payment.pk)
    except Refused as refusal:
        outcome = refusal
    except Exception as error:
        log_trouble(payment.pk, error)
        outcome = None
    if outcome is None:
        return give_up(payment_id=payment.pk, now=clock())
    decided = settle(payment, outcome, None, clock)
    assert isinstance(decided, Settled)  # noqa: S101 - no key, no stored answer
    return decided
