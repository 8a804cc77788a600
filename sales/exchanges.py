"""A ticket for another: the old seat returns to sale, the new one is sold, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts import audit
from accounts.models import Role
from accounts.tenancy import organisations_of
from sales.cancelling import OrderNotPaid, check_fan_may, void_tickets, worth
from sales.codes import CodeRequired, check_code, use_code
from sales.events import NotOnSale
from sales.idempotency import Answer, Keyed, store_answer, stored_answer
from sales.limits import use_allowance
from sales.models import (
    EventKind,
    EventState,
    Order,
    OrderState,
    Payment,
    PaymentState,
    PresaleCode,
    PriceType,
    Refund,
    Seat,
    SeatStatus,
    Ticket,
    TicketState,
)
from sales.outbox import order_changed, write
from sales.pricing import Price, price_of
from sales.refunds import owe_refund, pay_out, refundable
from sales.seats import SeatTaken, UnknownSeat
from sales.selling import Line, charge, new_ticket, price_type_of, take_seats
from sales.tickets import TicketNotFound, TicketUsed, TicketVoid
from worldseat.dsql.occ import occ_retry

__all__ = ["Exchanged", "TooDear", "exchange"]


class TooDear(Exception):
    """The new seat costs more than the old one: the organiser's box office exchanges it."""

    def __init__(self, more_minor: int, currency: str) -> None:
        super().__init__(self.__doc__)
        self.more_minor = more_minor
        self.currency = currency


@dataclass(frozen=True)
class Exchanged:
    """The new ticket, and what is paid for it (negative: what goes back), in minor units."""

    ticket: Ticket
    paid_minor: int
    refunds: Sequence[Refund]


def exchange(
    *,
    ticket_id: UUID,
    seat_id: UUID,
    user: Any,
    now: datetime,
    keyed: Keyed[Exchanged],
    price_type_id: UUID | None = None,
    at_box_office: bool = False,
) -> Exchanged | Answer:
    """Exchange a valid ticket for another free seat of its event, and return the new ticket.

    A fan's own: in the event's time for it, while the seat is on sale, at most at the price of
    the old one; the difference goes back to her. `at_box_office`: one of an event in whose box
    office the user works, at any time and price; what it costs more is paid there. Without
    `price_type_id`, the new ticket has the old one's price type, if the new category has one of
    that name.

    Raises TicketNotFound, TicketVoid, TicketUsed, OrderNotPaid, TooLate, UnknownSeat, SeatTaken,
    NotOnSale, CodeRequired, LimitReached, TooDear and KeyReused; nothing is written then.
    """
    done = _exchange(
        ticket_id=ticket_id,
        seat_id=seat_id,
        user=user,
        now=now,
        keyed=keyed,
        price_type_id=price_type_id,
        at_box_office=at_box_office,
    )
    if isinstance(done, Exchanged):
        pay_out(done.refunds)
    return done


@occ_retry(repeatable=True)
def _exchange(
    *,
    ticket_id: UUID,
    seat_id: UUID,
    user: Any,
    now: datetime,
    keyed: Keyed[Exchanged],
    price_type_id: UUID | None,
    at_box_office: bool,
) -> Exchanged | Answer:
    if answer := stored_answer(keyed.request, now=now):
        return answer
    old = _load(ticket_id, user, at_box_office=at_box_office)
    if old.event.state == EventState.CANCELLED:
        raise NotOnSale(old.event, "The event is cancelled.")
    line = _line(old, seat_id, price_type_id)
    if not at_box_office:
        check_fan_may(old.event, old, now=now)
        check_code(old.event, [line.seat], _code_for(old, line.seat), now=now)
    if not line.seat.is_free(now):
        raise SeatTaken([line.seat])
    more = line.price.total_minor - worth([old])
    if more > 0 and not at_box_office:
        raise TooDear(more, old.currency)
    ticket = _replace(old, line, now)
    done = _settle(old, ticket, more, user, now)
    _tell(old, done, now)
    if at_box_office:
        audit.record(
            organisation_id=old.event.organisation_id,
            actor=user,
            action="ticket.exchanged",
            subject=old.order,
            changes={
                "seat": [str(old.seat), str(line.seat)],
                "total_minor": [old.total_minor, ticket.total_minor],
            },
            now=now,
        )
    store_answer(keyed.request, keyed.render(done), now=now)
    return done


def _tell(old: Ticket, done: Exchanged, now: datetime) -> None:
    """Write the outbox's row: the new ticket, and which one it replaces."""
    write(
        order_changed(
            old.order,
            EventKind.TICKET_EXCHANGED,
            [done.ticket],
            amount_minor=-done.paid_minor,
            replaces=str(old.pk),
            now=now,
        )
    )


def _load(ticket_id: UUID, user: Any, *, at_box_office: bool) -> Ticket:
    tickets = Ticket.objects.select_related("event", "order__event", "seat__category", "code")
    if at_box_office:
        own = organisations_of(user, role=Role.BOX_OFFICE)
        tickets = tickets.filter(event__organisation__in=own)
    else:
        tickets = tickets.filter(fan_id=user.pk)
    ticket = tickets.filter(pk=ticket_id).first()
    if ticket is None:
        raise TicketNotFound
    if ticket.state != TicketState.VALID:
        raise TicketVoid(ticket)
    if ticket.admitted_at is not None:
        raise TicketUsed(ticket)
    if ticket.order.state != OrderState.PAID:
        raise OrderNotPaid(ticket.order)
    return ticket


def _line(old: Ticket, seat_id: UUID, price_type_id: UUID | None) -> Line:
    seats = Seat.objects.select_related("event", "category")
    seat = seats.filter(pk=seat_id, event_id=old.event_id).first()
    if seat is None:
        raise UnknownSeat
    price_type = price_type_of(seat, price_type_id)
    if price_type_id is None and old.price_type:
        types = PriceType.objects.filter(category_id=seat.category_id)
        price_type = types.filter(name=old.price_type).first()
        if price_type is None and old.total_minor == 0:
            # A gift stays one, in another seat too.
            return Line(seat, Price(0, 0), note=old.price_type)
    return Line(seat, price_of(old.event, seat.category, price_type), price_type)


def _code_for(old: Ticket, seat: Seat) -> PresaleCode | None:
    """Return the old ticket's code if it is good for the seat; raises CodeRequired if one is due.

    A code opened the sale of the old seat; a seat that needs none is not refused for it.
    """
    code = old.code
    if code is not None and code.category_id in (None, seat.category_id):
        return code
    if seat.category.code_required:
        raise CodeRequired("The seat is sold only under a presale code.")
    return None


def _replace(old: Ticket, line: Line, now: datetime) -> Ticket:
    """Void the old ticket and write the new one; allowances and codes follow."""
    order, code = old.order, old.code
    void_tickets(order, [old], seats_to=SeatStatus.AVAILABLE, now=now)
    take_seats([line.seat], status=SeatStatus.SOLD, now=now)
    use_allowance(order.event, order.fan_id, [line.seat], now=now)
    use_code(_fresh(code), 1, now=now)
    ticket = new_ticket(order, line, code, now)
    ticket.save(force_insert=True)
    return ticket


def _fresh(code: PresaleCode | None) -> PresaleCode | None:
    """Return a code as it is after the old ticket's use of it was given back."""
    if code is not None and code.cap is not None:
        code.refresh_from_db(fields=["used"])
    return code


def _settle(old: Ticket, ticket: Ticket, more: int, user: Any, now: datetime) -> Exchanged:
    """Take or owe the difference."""
    order = old.order
    if more > 0:
        order.fees_minor += max(0, ticket.fee_minor - old.fee_minor)
        _take(order, more, now)
        return Exchanged(ticket, more, [])
    if more == 0:
        return Exchanged(ticket, 0, [])
    back = min(-more, refundable(order))
    refunds = owe_refund(
        order, back, tickets_minor=-more, reason="Exchanged.", by_id=user.pk, now=now
    )
    order.save(update_fields=["refunded_minor"])
    return Exchanged(ticket, -back, refunds)


def _take(order: Order, more: int, now: datetime) -> None:
    """Write down what the box office was paid for a dearer seat."""
    Payment.objects.create(
        order=order,
        provider="box_office",
        state=PaymentState.CAPTURED,
        amount_minor=more,
        currency=order.currency,
        created_at=now,
        changed_at=now,
    )
    charge(order, more, now=now)
    order.total_minor += more
    order.save(update_fields=["total_minor", "fees_minor"])
