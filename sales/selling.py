"""What every sale writes: seats, tickets, ledger line, outbox; never one without the others.

For the domain functions that sell (`purchases`, `orders`): call it inside their transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import transaction

from sales.models import (
    LedgerEntry,
    LedgerKind,
    Order,
    PresaleCode,
    PriceType,
    Seat,
    SeatStatus,
    Ticket,
    TicketState,
)
from sales.outbox import order_paid, tell, write
from sales.pricing import Price
from sales.seats import UnknownSeat

__all__ = [
    "KEPT_FOR_WAITLIST",
    "Line",
    "charge",
    "new_ticket",
    "price_type_of",
    "remember_tickets",
    "take_seats",
    "tell_waitlist",
    "write_tickets",
]

# How long a seat that comes back is nobody's but the waitlist's.
KEPT_FOR_WAITLIST = timedelta(seconds=60)


@dataclass(frozen=True)
class Line:
    """A seat and what it is sold for; `note` is printed where no price type is."""

    seat: Seat
    price: Price
    price_type: PriceType | None = None
    note: str = ""


def price_type_of(seat: Seat, price_type_id: UUID | None) -> PriceType | None:
    """Return a price type of a seat's category, None for none; raises UnknownSeat."""
    if price_type_id is None:
        return None
    found = PriceType.objects.filter(category_id=seat.category_id, pk=price_type_id).first()
    if found is None:
        raise UnknownSeat
    return found


def take_seats(
    seats: Sequence[Seat],
    *,
    status: SeatStatus,
    now: datetime,
    hold_id: UUID | None = None,
    held_until: datetime | None = None,
) -> None:
    """Give seats a status, in one statement.

    **Naive on purpose**: it looks at nothing. The caller has read the seats in this transaction
    and found them hers to take; who else did so writes the same rows, and one of the two
    conflicts.

    Where the event has a waitlist, seats that become available, or whose hold ends, are kept for
    it for `KEPT_FOR_WAITLIST` before they are anybody's.
    """
    if seats and status in {SeatStatus.AVAILABLE, SeatStatus.HELD} and seats[0].event.has_waitlist:
        if status == SeatStatus.AVAILABLE:
            status, hold_id, held_until = SeatStatus.HELD, None, now
            tell_waitlist(seats[0].event_id)
        held_until = (held_until or now) + KEPT_FOR_WAITLIST
    for seat in seats:
        seat.status = status
        seat.changed_at = now
        seat.hold_id = hold_id
        seat.held_until = held_until
    Seat.objects.filter(pk__in=[seat.pk for seat in seats]).update(
        status=status, changed_at=now, hold_id=hold_id, held_until=held_until
    )


def tell_waitlist(event_id: UUID) -> None:
    """Have returned seats offered, once this transaction has committed.

    Where the broker is out of reach, beat's next round offers them; where that does not come in
    time either, they are everybody's.
    """
    transaction.on_commit(partial(tell, "sales.offer_returned_seats", str(event_id)))


def write_tickets(
    order: Order, lines: Sequence[Line], *, code: PresaleCode | None = None, now: datetime
) -> list[Ticket]:
    """Write a ticket for each seat, the order's ledger line, and the outbox: three statements.

    The seats are taken and the order is written already, in the same transaction.
    """
    tickets = Ticket.objects.bulk_create([new_ticket(order, line, code, now) for line in lines])
    charge(order, sum(line.price.total_minor for line in lines), now=now)
    remember_tickets(order, tickets)
    write(order_paid(order, tickets, now=now))
    return tickets


def new_ticket(order: Order, line: Line, code: PresaleCode | None, now: datetime) -> Ticket:
    """Return the ticket of a seat that is sold, not yet written."""
    return Ticket(
        order=order,
        event_id=order.event_id,
        seat=line.seat,
        fan_id=order.fan_id,
        state=TicketState.VALID,
        price_minor=line.price.price_minor,
        fee_minor=line.price.fee_minor,
        price_type=line.price_type.name if line.price_type else line.note,
        code=code,
        currency=order.currency,
        created_at=now,
    )


def charge(order: Order, amount_minor: int, *, now: datetime) -> None:
    """Write the ledger line of what an order is asked for."""
    LedgerEntry.objects.create(
        event_id=order.event_id,
        order=order,
        kind=LedgerKind.SALE,
        amount_minor=amount_minor,
        currency=order.currency,
        created_at=now,
    )


def remember_tickets(order: Order, tickets: Sequence[Ticket]) -> None:
    """Let `order.tickets.all()` answer without asking the database for what was just written.

    Django has this for rows it has prefetched, and no public way to say it of rows one has; a
    SELECT instead would be one more round trip inside every sale.
    """
    known = order.tickets.all()
    known._result_cache = list(tickets)
    order._prefetched_objects_cache = {"tickets": known}  # type: ignore[attr-defined] # private
