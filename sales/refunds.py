"""Money that goes back: decided in the transaction that gives a seat back, paid out after it.

A refund is written PENDING with its ledger line, and the provider is asked outside; what gets no
answer stays PENDING, and `complete_refunds` asks again. The refund's id is the provider's
idempotency key, so it is paid out once however often that happens.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from sales.models import (
    LedgerEntry,
    LedgerKind,
    Order,
    Payment,
    PaymentState,
    Refund,
    RefundState,
)
from sales.payments import Refused, TimedOut, provider_named
from sales.states import move
from worldseat.dsql.occ import occ_retry

__all__ = [
    "RefundTooLarge",
    "complete_refund",
    "complete_refunds",
    "owe_refund",
    "pay_out",
    "refundable",
]

# How long a refund is left to the request that decided it; how many a run looks at.
REPEAT_AFTER = timedelta(seconds=30)
COMPLETED_AT_ONCE = 200

_log = logging.getLogger(__name__)


class RefundTooLarge(Exception):
    """More than what is left of what was paid."""

    def __init__(self, left_minor: int, currency: str) -> None:
        super().__init__(self.__doc__)
        self.left_minor = left_minor
        self.currency = currency


def refundable(order: Order) -> int:
    """Return what is left of what was paid for an order, in minor units."""
    return order.total_minor - order.refunded_minor


def owe_refund(
    order: Order,
    amount_minor: int,
    *,
    tickets_minor: int,
    now: datetime,
    reason: str = "",
    by_id: UUID | None = None,
) -> list[Refund]:
    """Write what goes back, in the transaction of its reason: refunds, ledger line, the sum.

    `tickets_minor` is what the tickets had cost that are void now, less what replaced them. The
    caller saves the order's `refunded_minor`, which is changed. Raises RefundTooLarge.
    """
    if amount_minor > refundable(order):
        raise RefundTooLarge(refundable(order), order.currency)
    order.refunded_minor += amount_minor
    refunds = [
        Refund(
            order=order,
            payment=payment,
            # Nobody to ask: no provider took the money, or none of it goes back.
            state=RefundState.PENDING if payment and part else RefundState.DONE,
            amount_minor=part,
            currency=order.currency,
            reason=reason,
            by_id=by_id,
            created_at=now,
            changed_at=now,
        )
        for payment, part in _parts(order, amount_minor)
    ]
    refunds[0].tickets_minor = tickets_minor
    Refund.objects.bulk_create(refunds)
    if amount_minor:
        LedgerEntry.objects.create(
            event_id=order.event_id,
            order=order,
            kind=LedgerKind.REFUND,
            amount_minor=-amount_minor,
            currency=order.currency,
            created_at=now,
        )
    return refunds


def _parts(order: Order, amount_minor: int) -> Iterator[tuple[Payment | None, int]]:
    """Yield which payment gives back how much: the first payment first, each what it has left.

    At least one part, of nothing if need be.
    """
    paid = Payment.objects.filter(
        order=order, state__in=[PaymentState.AUTHORIZED, PaymentState.CAPTURED]
    ).annotate(back=Coalesce(Sum("refunds__amount_minor"), 0))
    left = amount_minor
    for payment in paid.order_by("created_at", "pk"):
        if part := min(left, payment.amount_minor - payment.back):
            left -= part
            yield payment, part
    if left or not amount_minor:
        yield None, left


def pay_out(refunds: Iterable[Refund]) -> None:
    """Complete refunds that were just decided; what fails here is left to `complete_refunds`."""
    for refund in refunds:
        try:
            complete_refund(refund_id=refund.pk)
        except Exception:
            _log.exception("Refund %s is not done yet.", refund.pk)


def complete_refund(*, refund_id: UUID, clock: Callable[[], datetime] = timezone.now) -> None:
    """Have the provider pay a refund out; without an answer it stays, and is asked for again."""
    refund = Refund.objects.select_related("payment").get(pk=refund_id)
    if refund.state != RefundState.PENDING or refund.payment is None:
        return
    try:
        reference = _pay_out(refund, refund.payment)
    except Refused as refusal:
        _log.error("Refund %s was refused: %s", refund_id, refusal.reason)
        _note(refund_id=refund_id, state=RefundState.FAILED, text=refusal.reason, now=clock())
    except Exception as error:
        trace = None if isinstance(error, TimedOut) else error
        _log.warning("Refund %s got no answer.", refund_id, exc_info=trace)
        _note(refund_id=refund_id, state=RefundState.PENDING, text="", now=clock())
    else:
        _note(refund_id=refund_id, state=RefundState.DONE, text=reference, now=clock())


def _pay_out(refund: Refund, payment: Payment) -> str:
    provider = provider_named(payment.provider)
    if payment.state == PaymentState.AUTHORIZED:
        # Nothing goes back that was not taken; `settle_payments` notes that it was.
        provider.capture(payment_id=payment.pk, reference=payment.reference)
    return provider.refund(
        refund_id=refund.pk,
        payment_id=payment.pk,
        reference=payment.reference,
        amount_minor=refund.amount_minor,
    )


@occ_retry(repeatable=True)
def _note(*, refund_id: UUID, state: RefundState, text: str, now: datetime) -> None:
    """Write down what the provider said, unless another process came first."""
    refund = Refund.objects.get(pk=refund_id)
    if refund.state != RefundState.PENDING:
        return
    if state == RefundState.PENDING:
        Refund.objects.filter(pk=refund_id).update(changed_at=now)
    elif state == RefundState.DONE:
        move(refund, state, reference=text, changed_at=now)
    else:
        reason = f"{refund.reason} (refused: {text})"[-200:].strip()
        move(refund, state, reason=reason, changed_at=now)


def complete_refunds(*, clock: Callable[[], datetime] = timezone.now) -> int:
    """Ask again for the refunds that were left behind; return how many it looked at."""
    left = Refund.objects.filter(state=RefundState.PENDING, changed_at__lt=clock() - REPEAT_AFTER)
    ids = list(left.order_by("changed_at").values_list("pk", flat=True)[:COMPLETED_AT_ONCE])
    for refund_id in ids:
        try:
            complete_refund(refund_id=refund_id, clock=clock)
        except Exception:
            _log.exception("Refund %s could not be completed.", refund_id)
    return len(ids)
