"""Tickets given back: by the fan, in the event's time for it; by the organiser, at any time.

Every one of these transactions writes the rows of the tickets it voids, as a scan, an exchange
and a reissue do, and of their seats and order: of two that meet, one runs again and sees what the
other did. So a seat returns to sale once, and its money once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts import audit
from accounts.models import Role
from accounts.tenancy import organisations_of
from sales.codes import give_back_code
from sales.idempotency import Answer, Keyed, store_answer, stored_answer
from sales.limits import give_back_allowance
from sales.models import (
    Event,
    EventKind,
    Order,
    OrderState,
    Refund,
    SeatStatus,
    Ticket,
    TicketState,
)
from sales.outbox import order_changed, write
from sales.refunds import owe_refund, pay_out, refundable
from sales.selling import remember_tickets, take_seats
from sales.states import move
from sales.tickets import TicketUsed, TicketVoid
from worldseat.dsql.occ import occ_retry

__all__ = [
    "OrderNotFound",
    "OrderNotPaid",
    "Refunded",
    "TooLate",
    "UnknownTicket",
    "cancel_order",
    "check_fan_may",
    "may_cancel",
    "refund_cancelled",
    "refund_order",
    "void_tickets",
    "worth",
]


class OrderNotFound(LookupError):
    """There is no such order, or none that you may change."""


class OrderNotPaid(Exception):
    """The order is not paid: there is nothing to give back."""

    def __init__(self, order: Order) -> None:
        super().__init__(f"The order is {order.state}.")
        self.order = order


class TooLate(Exception):
    """Fans may not cancel or exchange tickets of this event now; ask the organiser."""

    def __init__(self, until: datetime | None) -> None:
        super().__init__(self.__doc__)
        self.until = until


class UnknownTicket(LookupError):
    """The order has no such ticket."""


@dataclass(frozen=True)
class Refunded:
    """An order some of which was given back: what went back this time, in minor units."""

    order: Order
    amount_minor: int
    refunds: Sequence[Refund]


def cancel_order(*, order_id: UUID, user: Any, now: datetime) -> Order:
    """Cancel a fan's own order: all its tickets are void, all that was paid goes back, with fees.

    Of an order some of which was refunded before, what its valid tickets have cost goes back. An
    order that is cancelled stays so.

    Raises OrderNotFound, OrderNotPaid, TooLate, and TicketUsed if somebody was let in with one.
    """
    order, refunds = _cancel(order_id=order_id, user=user, now=now)
    pay_out(refunds)
    return order


@occ_retry(repeatable=True)
def _cancel(*, order_id: UUID, user: Any, now: datetime) -> tuple[Order, Sequence[Refund]]:
    order = Order.objects.of(user).select_related("event").filter(pk=order_id).first()
    if order is None:
        raise OrderNotFound
    tickets = _tickets_of(order)
    if order.state == OrderState.CANCELLED:
        return order, []
    if order.state != OrderState.PAID:
        raise OrderNotPaid(order)
    valid = [ticket for ticket in tickets if ticket.state == TicketState.VALID]
    for ticket in valid:
        check_fan_may(order.event, ticket, now=now)
    amount = min(worth(valid), refundable(order))
    refunds = _give_back(
        order, valid, amount, now=now, seats_to=SeatStatus.AVAILABLE, reason="Cancelled by the fan."
    )
    return order, refunds


def check_fan_may(event: Event, ticket: Ticket, *, now: datetime) -> None:
    """Raise TooLate or TicketUsed unless a fan may give a valid ticket back by herself."""
    if event.fans_cancel_until is None or now >= event.fans_cancel_until:
        raise TooLate(event.fans_cancel_until)
    if ticket.admitted_at is not None:
        raise TicketUsed(ticket)


def may_cancel(order: Order, *, now: datetime) -> bool:
    """Tell whether a fan may cancel her order by herself; it comes with its event and tickets."""
    valid = [each for each in order.tickets.all() if each.state == TicketState.VALID]
    if order.state != OrderState.PAID or not valid:
        return False
    try:
        for ticket in valid:
            check_fan_may(order.event, ticket, now=now)
    except (TooLate, TicketUsed):
        return False
    return True


def refund_order(
    *,
    order_id: UUID,
    user: Any,
    now: datetime,
    keyed: Keyed[Refunded],
    ticket_ids: Sequence[UUID] | None = None,
    amount_minor: int | None = None,
    keep_fees: bool = False,
    reason: str = "",
    release: bool = True,
) -> Refunded | Answer:
    """Give back some of an order, or all of it, for who works in the organiser's box office.

    Some tickets, or without `ticket_ids` and `amount_minor` all that are valid: they are void,
    and what they have cost goes back, or `amount_minor` if it is given; `keep_fees`: without the
    fees. `amount_minor` alone: money goes back, and the tickets stay. `release` puts the seats on
    sale again, otherwise they are blocked. Tickets that somebody was let in with may be refunded
    too. An order without a valid ticket is cancelled.

    Raises OrderNotFound, OrderNotPaid, UnknownTicket, TicketVoid, RefundTooLarge and KeyReused;
    nothing is written then.
    """
    done = _refund(
        order_id=order_id,
        user=user,
        now=now,
        keyed=keyed,
        ticket_ids=ticket_ids,
        amount_minor=amount_minor,
        keep_fees=keep_fees,
        reason=reason,
        release=release,
    )
    if isinstance(done, Refunded):
        pay_out(done.refunds)
    return done


@occ_retry(repeatable=True)
def _refund(
    *,
    order_id: UUID,
    user: Any,
    now: datetime,
    keyed: Keyed[Refunded],
    ticket_ids: Sequence[UUID] | None,
    amount_minor: int | None,
    keep_fees: bool,
    reason: str,
    release: bool,
) -> Refunded | Answer:
    if answer := stored_answer(keyed.request, now=now):
        return answer
    own = organisations_of(user, role=Role.BOX_OFFICE)
    orders = Order.objects.filter(event__organisation__in=own).select_related("event")
    order = orders.filter(pk=order_id).first()
    if order is None:
        raise OrderNotFound
    tickets = _chosen(_tickets_of(order), ticket_ids, money_only=amount_minor is not None)
    # Only money may go back for an order whose tickets are void already.
    if order.state != OrderState.PAID and (tickets or order.state != OrderState.CANCELLED):
        raise OrderNotPaid(order)
    if not tickets and amount_minor is None:
        raise OrderNotPaid(order)
    kept = sum(ticket.fee_minor for ticket in tickets) if keep_fees else 0
    amount = min(worth(tickets) - kept, refundable(order)) if amount_minor is None else amount_minor
    before = order.refunded_minor
    refunds = _give_back(
        order,
        tickets,
        amount,
        now=now,
        seats_to=SeatStatus.AVAILABLE if release else SeatStatus.BLOCKED,
        reason=reason,
        by_id=user.pk,
    )
    audit.record(
        organisation_id=order.event.organisation_id,
        actor=user,
        action="order.refunded",
        subject=order,
        changes={
            "refunded_minor": [before, order.refunded_minor],
            "void": [[], [ticket.seat.label for ticket in tickets]],
            "reason": ["", reason],
        },
        now=now,
    )
    done = Refunded(order, amount, refunds)
    store_answer(keyed.request, keyed.render(done), now=now)
    return done


def refund_cancelled(*, order_id: UUID, by: Any, now: datetime) -> bool:
    """Give all of an order back whose event is cancelled, fees included; tell whether it was paid.

    For a job that `by` has started (sales.organising.event_refunds), who was allowed to. Its seats
    are blocked. An order that is not paid, or was cancelled before, stays as it is.
    """
    refunds = _refund_cancelled(order_id=order_id, by=by, now=now)
    if refunds is None:
        return False
    pay_out(refunds)
    return True


@occ_retry(repeatable=True)
def _refund_cancelled(*, order_id: UUID, by: Any, now: datetime) -> Sequence[Refund] | None:
    order = Order.objects.select_related("event").filter(pk=order_id).first()
    if order is None or order.state != OrderState.PAID:
        return None
    valid = [each for each in _tickets_of(order) if each.state == TicketState.VALID]
    before, reason = order.refunded_minor, "The event is cancelled."
    refunds = _give_back(
        order,
        valid,
        min(worth(valid), refundable(order)),
        now=now,
        seats_to=SeatStatus.BLOCKED,
        reason=reason,
        by_id=by.pk if by else None,
    )
    audit.record(
        organisation_id=order.event.organisation_id,
        actor=by,
        action="order.refunded",
        subject=order,
        changes={"refunded_minor": [before, order.refunded_minor], "reason": ["", reason]},
        now=now,
    )
    return refunds


def _tickets_of(order: Order) -> list[Ticket]:
    """Read an order's tickets, in the plan's order, and let the order know them."""
    tickets = list(
        Ticket.objects.filter(order=order)
        .select_related("seat__category", "code")
        .order_by("seat__position", "seat__guid")
    )
    remember_tickets(order, tickets)
    return tickets


def _chosen(
    tickets: Sequence[Ticket], ticket_ids: Sequence[UUID] | None, *, money_only: bool
) -> list[Ticket]:
    """Return the tickets that go void: those named, none for money alone, or all valid ones."""
    if ticket_ids is None:
        valid = [ticket for ticket in tickets if ticket.state == TicketState.VALID]
        return [] if money_only else valid
    known = {ticket.pk: ticket for ticket in tickets}
    if not set(ticket_ids) <= known.keys():
        raise UnknownTicket
    for each in ticket_ids:
        if known[each].state != TicketState.VALID:
            raise TicketVoid(known[each])
    return [known[each] for each in ticket_ids]


def worth(tickets: Sequence[Ticket]) -> int:
    """Return what tickets have cost, fees included, in minor units."""
    return sum(ticket.total_minor for ticket in tickets)


def _give_back(
    order: Order,
    tickets: Sequence[Ticket],
    amount_minor: int,
    *,
    now: datetime,
    seats_to: SeatStatus,
    reason: str,
    by_id: UUID | None = None,
) -> list[Refund]:
    """Void tickets, free their seats, and owe the money; the order's row is always written."""
    refunds = owe_refund(
        order, amount_minor, tickets_minor=worth(tickets), reason=reason, by_id=by_id, now=now
    )
    if tickets:
        void_tickets(order, tickets, seats_to=seats_to, now=now)
    is_over = all(ticket.state == TicketState.VOID for ticket in order.tickets.all())
    if is_over and order.state == OrderState.PAID:
        move(order, OrderState.CANCELLED, refunded_minor=order.refunded_minor)
        kind = EventKind.ORDER_CANCELLED
    else:
        order.save(update_fields=["refunded_minor"])
        kind = EventKind.ORDER_REFUNDED
    write(order_changed(order, kind, tickets, amount_minor=amount_minor, now=now))
    return refunds


def void_tickets(
    order: Order, tickets: Sequence[Ticket], *, seats_to: SeatStatus, now: datetime
) -> None:
    """Void valid tickets that were read in this transaction, with their seats and categories.

    Their seats get a status, and the fan's allowances and presale codes are given back.
    """
    for ticket in tickets:
        ticket.state, ticket.voided_at = TicketState.VOID, now
    Ticket.objects.filter(pk__in=[ticket.pk for ticket in tickets]).update(
        state=TicketState.VOID, voided_at=now
    )
    seats = [ticket.seat for ticket in tickets]
    take_seats(seats, status=seats_to, now=now)
    give_back_allowance(order.event, order.fan_id, seats)
    for code, number in Counter(ticket.code for ticket in tickets).items():
        give_back_code(code, number)
