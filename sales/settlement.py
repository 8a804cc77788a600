"""What a provider's answer does to an order, whoever hears it: the request, a repeat, a task.

Each function is one transaction that looks where the order stands, so it may come late, twice,
or from two processes at once: both write the order's row. The money follows the order, never
the other way round: an order is PAID or FAILED first, then its payment is captured or voided,
and whoever dies in between leaves a payment that `unsettled_payments` lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sales.holds import end_hold
from sales.idempotency import Answer, Keyed, store_answer, stored_answer
from sales.models import (
    EventState,
    HeldSeat,
    Hold,
    HoldState,
    Order,
    OrderState,
    Payment,
    PaymentState,
    Seat,
    SeatStatus,
)
from sales.payments import Authorization, Refused
from sales.pricing import Price
from sales.selling import Line, take_seats, write_tickets
from sales.states import move
from worldseat.dsql.occ import occ_retry

__all__ = [
    "Settled",
    "as_decided",
    "give_up",
    "load_payment",
    "note_captured",
    "note_trouble",
    "note_unanswered",
    "note_voided",
    "settle_authorized",
    "settle_refused",
    "unsettled_payments",
]

OPEN = (PaymentState.CREATED, PaymentState.UNKNOWN)
UNSETTLED = (*OPEN, PaymentState.AUTHORIZED)


@dataclass(frozen=True)
class Settled:
    """An order that was decided, and the payment for it."""

    order: Order
    payment: Payment


@occ_retry(repeatable=True)
def settle_authorized(
    *,
    payment_id: UUID,
    authorization: Authorization,
    now: datetime,
    keyed: Keyed[Settled] | None = None,
) -> Settled | Answer:
    """Sell a paid hold's seats; or fail the order, if they or the event are gone meanwhile.

    They are gone if one was taken over; the event, if it was cancelled: nobody is sold a ticket of
    it for the money to come back later.

    A hold past its time still sells as long as nobody took its seats. With `keyed`, the answer
    is kept in the same transaction; where it was kept before, that one comes back.
    """
    settled = _load(payment_id)
    order, payment = settled.order, settled.payment
    if order.state != OrderState.PENDING:
        return _decided(settled, keyed, now)
    cancelled = order.event.state == EventState.CANCELLED
    lines = None if cancelled else _lines_still_held(order)
    if lines is None:
        _fail(order, now)
        move(
            payment,
            PaymentState.AUTHORIZED,
            reference=authorization.reference,
            reason="The event is cancelled." if cancelled else "The hold was lost.",
            changed_at=now,
        )
    else:
        _sell(order, lines, now)
        paid = PaymentState.CAPTURED if authorization.captured else PaymentState.AUTHORIZED
        move(payment, paid, reference=authorization.reference, changed_at=now)
    return _keep(settled, keyed, now)


def _lines_still_held(order: Order) -> list[Line] | None:
    """Return what the order's hold is for, or None if it is no longer all its own."""
    hold = order.hold
    if hold is None or hold.state != HoldState.PAYING:
        return None
    held = HeldSeat.objects.filter(hold=hold).select_related("seat__category", "price_type")
    lines = sorted(held, key=lambda each: (each.seat.position, each.seat.guid))
    if not all(line.seat.is_kept_by(hold) for line in lines):
        return None
    return [
        Line(line.seat, Price(line.price_minor, line.fee_minor), line.price_type) for line in lines
    ]


def _sell(order: Order, lines: Sequence[Line], now: datetime) -> None:
    hold = order.hold
    assert hold is not None  # noqa: S101 - its lines were found
    take_seats([line.seat for line in lines], status=SeatStatus.SOLD, now=now)
    # What the fan has stays as counted: her held seats become tickets.
    hold.state = HoldState.SOLD
    hold.save(update_fields=["state"])
    move(order, OrderState.PAID)
    write_tickets(order, lines, code=hold.code, now=now)


def _fail(order: Order, now: datetime) -> None:
    """Fail an order whose hold is lost; what is left of the hold is given back."""
    hold = order.hold
    if hold is not None and hold.state == HoldState.PAYING:
        end_hold(hold, HoldState.EXPIRED, now)
    move(order, OrderState.FAILED, hold=None)


@occ_retry(repeatable=True)
def settle_refused(
    *, payment_id: UUID, refusal: Refused, now: datetime, keyed: Keyed[Settled] | None = None
) -> Settled | Answer:
    """Fail an order whose payment was refused; its hold waits for another card, in its time."""
    settled = _load(payment_id)
    order, payment = settled.order, settled.payment
    if order.state != OrderState.PENDING:
        return _decided(settled, keyed, now)
    hold = order.hold
    if hold is not None and hold.state == HoldState.PAYING:
        _reopen(hold, now)
    move(order, OrderState.FAILED, hold=None)
    move(payment, PaymentState.REFUSED, reason=refusal.reason[:200], changed_at=now)
    return _keep(settled, keyed, now)


def _reopen(hold: Hold, now: datetime) -> None:
    """Let a hold be paid again: the time that paying gave it does not pass its bound."""
    hold.state = HoldState.ACTIVE
    hold.expires_at = min(hold.expires_at, max(hold.extendable_until, now))
    hold.save(update_fields=["state", "expires_at"])
    seats = list(Seat.objects.filter(hold=hold, status=SeatStatus.HELD))
    take_seats(seats, status=SeatStatus.HELD, now=now, hold_id=hold.pk, held_until=hold.expires_at)


@occ_retry(repeatable=True)
def give_up(*, payment_id: UUID, now: datetime) -> Settled:
    """Fail an order that nobody has paid in the time of its hold; paid meanwhile, it stays."""
    settled = _load(payment_id)
    order, hold = settled.order, settled.order.hold
    if order.state == OrderState.PENDING and (hold is None or hold.expires_at <= now):
        _fail(order, now)
        settled.payment.reason = "No answer in the time of the hold."
    # Looked at now: others come first the next time.
    settled.payment.changed_at = now
    settled.payment.save(update_fields=["reason", "changed_at"])
    return settled


def _decided(settled: Settled, keyed: Keyed[Settled] | None, now: datetime) -> Settled | Answer:
    """Return the answer that was kept for an order decided before, or keep one."""
    if keyed and (answer := stored_answer(keyed.request, now=now)):
        return answer
    return _keep(as_decided(settled.payment), keyed, now)


def as_decided(payment: Payment) -> Settled:
    """Return a payment and its order with all its tickets, in the caller's transaction."""
    return Settled(Order.objects.with_tickets().get(pk=payment.order_id), payment)


def _keep(settled: Settled, keyed: Keyed[Settled] | None, now: datetime) -> Settled:
    if keyed:
        answer = keyed.render(settled)
        store_answer(keyed.request, answer, subject=settled.order.pk, now=now)
    return settled


def _load(payment_id: UUID) -> Settled:
    payments = Payment.objects.select_related("order__event", "order__hold__code")
    payments = payments.select_related("order__hold__event")
    payment = payments.get(pk=payment_id)
    return Settled(payment.order, payment)


@occ_retry(repeatable=True)
def load_payment(*, payment_id: UUID) -> Settled:
    """Return a payment and its order, as they stand."""
    return _load(payment_id)


@occ_retry(repeatable=True)
def note_unanswered(*, payment_id: UUID, now: datetime) -> None:
    """Write down that the provider was asked and gave no answer."""
    _change(payment_id, (PaymentState.CREATED,), state=PaymentState.UNKNOWN, changed_at=now)


@occ_retry(repeatable=True)
def note_captured(*, payment_id: UUID, now: datetime) -> None:
    """Write down that the money is here."""
    done = {"state": PaymentState.CAPTURED, "reason": "", "changed_at": now}
    _change(payment_id, (PaymentState.AUTHORIZED,), **done)


@occ_retry(repeatable=True)
def note_voided(*, payment_id: UUID, now: datetime) -> None:
    """Write down that the payment of a failed order took nothing."""
    _change(payment_id, UNSETTLED, state=PaymentState.VOIDED, changed_at=now)


@occ_retry(repeatable=True)
def note_trouble(*, payment_id: UUID, reason: str, now: datetime) -> None:
    """Write down why a payment could not be captured or voided (yet)."""
    _change(payment_id, UNSETTLED, reason=reason[:200], changed_at=now)


def _change(payment_id: UUID, states: Sequence[str], **changes: object) -> None:
    """Change a payment if it is in one of these states: another process may have come first."""
    payment = Payment.objects.get(pk=payment_id)
    if payment.state not in states:
        return
    if "state" in changes:
        move(payment, str(changes.pop("state")), **changes)
    else:
        Payment.objects.filter(pk=payment_id).update(**changes)


def unsettled_payments(*, before: datetime, limit: int) -> list[UUID]:
    """Return payments of which nobody has heard since `before`, the oldest first."""
    payments = Payment.objects.filter(state__in=UNSETTLED, changed_at__lt=before)
    return list(payments.order_by("changed_at").values_list("pk", flat=True)[:limit])
