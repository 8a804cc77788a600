"""An order of a hold: begun, paid through a provider, settled.

Three short transactions with the provider's calls between them, never inside:

1. `_begin`: the order (PENDING), its payment (CREATED) and what the idempotency key stands for;
   the hold waits while it is paid.
2. the provider authorizes, then `settlement`: seats, tickets, ledger, order and answer at once.
3. the provider captures, and the payment is CAPTURED.

Whoever dies in between leaves rows that say how far it got, and no lock: a repeat with the same
key goes on from there, and `sales.following_up` goes on for whoever does not repeat. The payment's
id is the provider's idempotency key, so however many ask, it is paid once. See docs/orders.md.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import OperationalError
from django.utils import timezone

from accounts.models import Role
from accounts.tenancy import organisations_of
from sales.events import NotOnSale
from sales.following_up import Clock, follow_up, log_trouble, settle
from sales.holds import HoldExpired, HoldNotFound
from sales.idempotency import Answer, Keyed, begin_request, recall, store_answer
from sales.models import (
    Event,
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
from sales.payments import Authorization, Provider, Refused, provider_named
from sales.selling import take_seats
from sales.settlement import Settled, as_decided, load_payment, note_unanswered
from worldseat.dsql.occ import occ_retry

__all__ = [
    "HoldBeingPaid",
    "PaymentUnsettled",
    "ProviderNotAllowed",
    "pay_for_hold",
]

# How long a hold waits at least for the money, from when paying begins.
PAYMENT_ALLOWANCE = timedelta(minutes=2)


class HoldBeingPaid(Exception):
    """The hold is being paid by another request."""


class ProviderNotAllowed(Exception):
    """Only who works in the event's box office may take such a payment."""


class PaymentUnsettled(Exception):
    """The payment provider gave no answer in time: the order waits for it."""

    def __init__(self, order_id: UUID) -> None:
        super().__init__(self.__doc__)
        self.order_id = order_id


def pay_for_hold(
    *,
    hold_id: UUID,
    user: Any,
    provider: str,
    token: str,
    region: str,
    keyed: Keyed[Settled],
    clock: Clock = timezone.now,
) -> Settled | Answer:
    """Order a fan's hold and pay for it; a repeat with the key goes on where the first one ended.

    Returns the decided order: PAID, or FAILED because the payment was refused (its hold waits
    for another card) or came after the hold was lost (and was given back).

    Raises UnknownProvider, ProviderNotAllowed, HoldNotFound, HoldExpired, HoldBeingPaid,
    NotOnSale and KeyReused, and nothing is written; PaymentUnsettled where the provider gave no
    answer, and the database's errors: then a repeat with the same key settles it.
    """
    asked = provider_named(provider)
    begun = _begin(
        hold_id=hold_id,
        user=user,
        provider=provider,
        staff_only=asked.staff_only,
        region=region,
        now=clock(),
        keyed=keyed,
    )
    if isinstance(begun, Answer):
        return begun
    return _pay(begun, asked, token, keyed, clock)


@occ_retry(repeatable=True)
def _begin(
    *,
    hold_id: UUID,
    user: Any,
    provider: str,
    staff_only: bool,
    region: str,
    now: datetime,
    keyed: Keyed[Settled],
) -> Payment | Answer:
    """Write the order and its payment, or find those that the key stands for already."""
    answer, subject = recall(keyed.request, now=now)
    if answer is not None:
        return answer
    if subject is not None:
        return _found(subject, keyed, now)
    hold, seats = _load_hold(hold_id, user, now)
    if staff_only:
        _check_staff(hold.event, user)
    _keep_waiting(hold, seats, now)
    payment = _write(hold, provider=provider, region=region, now=now)
    begin_request(keyed.request, subject=payment.order_id, now=now)
    return payment


def _found(order_id: UUID, keyed: Keyed[Settled], now: datetime) -> Payment | Answer:
    """Return the payment a repeat goes on with, or the answer if it was decided meanwhile."""
    payments = Payment.objects.filter(order=order_id).select_related("order")
    payment = payments.earliest("created_at")
    if payment.order.state == OrderState.PENDING:
        return payment
    answer = keyed.render(as_decided(payment))
    store_answer(keyed.request, answer, subject=order_id, now=now)
    return answer


def _load_hold(hold_id: UUID, user: Any, now: datetime) -> tuple[Hold, list[Seat]]:
    """Read a hold that can be paid and its seats, in one statement."""
    lines = HeldSeat.objects.filter(hold=hold_id, hold__fan_id=user.pk)
    held = list(lines.select_related("seat", "hold__event"))
    if not held:
        raise HoldNotFound
    hold, seats = held[0].hold, [line.seat for line in held]
    if hold.state == HoldState.PAYING:
        raise HoldBeingPaid
    kept = all(seat.is_kept_by(hold) for seat in seats)
    if hold.state != HoldState.ACTIVE or hold.expires_at <= now or not kept:
        raise HoldExpired(hold)
    for seat in seats:
        seat.event = hold.event
    # A hold is a promise: it is kept while the sale is paused, and after it has ended.
    if hold.event.state not in {EventState.PUBLISHED, EventState.PAUSED}:
        raise NotOnSale(hold.event, "The event is not on sale.")
    return hold, seats


def _check_staff(event: Event, user: Any) -> None:
    own = organisations_of(user, role=Role.BOX_OFFICE)
    if not own.filter(pk=event.organisation_id).exists():
        raise ProviderNotAllowed(ProviderNotAllowed.__doc__)


def _keep_waiting(hold: Hold, seats: list[Seat], now: datetime) -> None:
    """Have the hold wait for its payment, also beyond its bound."""
    hold.state = HoldState.PAYING
    hold.expires_at = max(hold.expires_at, now + PAYMENT_ALLOWANCE)
    hold.save(update_fields=["state", "expires_at"])
    # Written even where the time stays: who takes a seat over at this instant writes it too.
    take_seats(seats, status=SeatStatus.HELD, now=now, hold_id=hold.pk, held_until=hold.expires_at)


def _write(hold: Hold, *, provider: str, region: str, now: datetime) -> Payment:
    order = Order.objects.create(
        event=hold.event,
        fan_id=hold.fan_id,
        hold=hold,
        state=OrderState.PENDING,
        total_minor=hold.total_minor,
        fees_minor=hold.fees_minor,
        currency=hold.currency,
        region=region,
        created_at=now,
    )
    return Payment.objects.create(
        order=order,
        provider=provider,
        state=PaymentState.CREATED,
        amount_minor=order.total_minor,
        currency=order.currency,
        created_at=now,
        changed_at=now,
    )


def _pay(
    payment: Payment, provider: Provider, token: str, keyed: Keyed[Settled], clock: Clock
) -> Settled | Answer:
    """Have the payment authorized, settle its order, and take the money."""
    outcome: Authorization | Refused
    try:
        outcome = _authorize(payment, provider, token)
    except Refused as refusal:
        outcome = refusal
    except Exception as error:
        log_trouble(payment.pk, error)
        note_unanswered(payment_id=payment.pk, now=clock())
        raise PaymentUnsettled(payment.order_id) from error
    try:
        settled = settle(payment, outcome, keyed, clock)
    except OperationalError as error:
        raise PaymentUnsettled(payment.order_id) from error
    # An answer that was kept before: the payment may have got no further than the order.
    stands = settled if isinstance(settled, Settled) else load_payment(payment_id=payment.pk)
    follow_up(stands, provider, clock)
    return settled


def _authorize(payment: Payment, provider: Provider, token: str) -> Authorization:
    if payment.amount_minor == 0:
        return Authorization(reference="", captured=True)  # nothing to ask for
    return provider.authorize(
        payment_id=payment.pk,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        token=token,
    )
