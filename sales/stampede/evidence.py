"""What the witness looks at: seats, tickets and what buyers were told, as they are stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sales.books import book_faults
from sales.models import (
    Attempt,
    LedgerEntry,
    LedgerKind,
    Seat,
    Stampede,
    Ticket,
    TicketState,
)

__all__ = [
    "Evidence",
    "SeatSeen",
    "Testimony",
    "TicketSeen",
    "dump_found",
    "gather_evidence",
    "see_seats",
    "see_tickets",
]


@dataclass(frozen=True)
class SeatSeen:
    """A seat as it is stored; its face value is in minor units, fees left out."""

    id: UUID
    label: str
    status: str
    price_minor: int = 0


@dataclass(frozen=True, kw_only=True)
class TicketSeen:
    """A ticket as it is stored, with its order and what the ledger says of that.

    Amounts are minor units, fees included. `order_tickets_minor` sums the order's valid tickets,
    `ledger_minor` its ledger lines, in the order's currency (None: it has none), of which
    `refunds_minor` went back. `valid` is False for one that was voided.
    """

    seat_id: UUID
    fan_id: UUID
    order_id: UUID
    order_fan_id: UUID
    order_state: str
    order_minor: int
    order_tickets_minor: int
    ledger_minor: int | None
    currencies: frozenset[str]
    refunds_minor: int = 0
    valid: bool = True


@dataclass(frozen=True, kw_only=True)
class Testimony:
    """What one buyer was told about her seat, and when; PENDING and UNKNOWN: nothing.

    `seat_id` is None where she never chose one. `detail` is empty where she was refused because
    the seat was taken.
    """

    number: int
    region: str
    fan_id: UUID
    seat_id: UUID | None
    outcome: str
    order_id: UUID | None = None
    detail: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None

    def __str__(self) -> str:
        return f"buyer {self.number} ({self.region})"


@dataclass(frozen=True)
class Evidence:
    """Everything the witness looks at. `buyers` is how many were planned.

    `books` is what does not add up among the event's orders, `unreadable` why a contender's store
    could not be read.
    """

    buyers: int
    seats: Sequence[SeatSeen]
    tickets: Sequence[TicketSeen]
    told: Sequence[Testimony]
    books: Sequence[str] = ()
    unreadable: str = ""


def gather_evidence(stampede: Stampede) -> Evidence:
    """Read what the witness compares; call it in one transaction, so that it is one snapshot.

    Of a contender with a store of its own, it is what `found` kept of it.
    """
    attempts = Attempt.objects.filter(stampede=stampede).order_by("number")
    found = stampede.found
    seats = see_seats(stampede.event_id, stampede.seat_id)
    return Evidence(
        buyers=stampede.buyers,
        seats=seats if found is None else _load_seats(seats, found),
        tickets=_load_tickets(found) if found else see_tickets(seats),
        told=[_hear(attempt, stampede) for attempt in attempts],
        books=list(book_faults(stampede.event_id)) if found is None else found.get("books", []),
        unreadable=(found or {}).get("unreadable", ""),
    )


def _hear(attempt: Attempt, stampede: Stampede) -> Testimony:
    return Testimony(
        number=attempt.number,
        region=attempt.region,
        fan_id=attempt.fan_id,
        seat_id=attempt.seat_id or stampede.seat_id,
        outcome=attempt.outcome,
        order_id=attempt.told_order,
        detail=attempt.detail,
        started_at=attempt.started_at,
        finished_at=attempt.finished_at,
    )


def see_seats(event_id: UUID, seat_id: UUID | None) -> list[SeatSeen]:
    """Read the seats at issue: one, or all of the event."""
    seats = Seat.objects.filter(event_id=event_id).select_related("category").in_order()
    return [
        SeatSeen(seat.pk, seat.label, seat.status, seat.category.price_minor)
        for seat in (seats.filter(pk=seat_id) if seat_id else seats)
    ]


def see_tickets(seats: Sequence[SeatSeen]) -> list[TicketSeen]:
    """Read the tickets of some seats, all of one event, with their orders and the books."""
    if not seats:
        return []
    of_event = Seat.objects.filter(pk=seats[0].id).values("event_id")
    tickets = Ticket.objects.filter(event_id__in=of_event).select_related("order")
    if len(seats) == 1:
        tickets = tickets.filter(seat_id=seats[0].id)
    here = list(tickets.order_by("created_at", "pk"))
    of_order, books = defaultdict(list), defaultdict(list)
    orders = Ticket.objects.filter(order__in={ticket.order_id for ticket in here})
    for ticket in here if len(seats) > 1 else orders:
        of_order[ticket.order_id].append(ticket)
    lines = LedgerEntry.objects.filter(event_id__in=of_event)
    if len(seats) == 1:
        lines = lines.filter(order__in=of_order)
    for line in lines:
        books[line.order_id].append(line)
    return [_see(ticket, of_order[ticket.order_id], books[ticket.order_id]) for ticket in here]


def _see(ticket: Ticket, of_order: Sequence[Ticket], lines: Sequence[LedgerEntry]) -> TicketSeen:
    order = ticket.order
    valid = [each for each in of_order if each.state == TicketState.VALID]
    return TicketSeen(
        seat_id=ticket.seat_id,
        fan_id=ticket.fan_id,
        order_id=ticket.order_id,
        order_fan_id=order.fan_id,
        order_state=order.state,
        order_minor=order.total_minor - order.refunded_minor,
        order_tickets_minor=sum(each.total_minor for each in valid),
        ledger_minor=sum(line.amount_minor for line in lines) if lines else None,
        refunds_minor=-sum(e.amount_minor for e in lines if e.kind == LedgerKind.REFUND),
        currencies=frozenset(
            [order.currency]
            + [each.currency for each in of_order]
            + [line.currency for line in lines]
        ),
        valid=ticket.state == TicketState.VALID,
    )


def dump_found(
    seats: Sequence[SeatSeen], tickets: Sequence[TicketSeen], books: Sequence[str] = ()
) -> dict[str, Any]:
    """Return a store's state as JSON, short enough for one column with 5,000 tickets (1 MiB)."""
    return {
        "seats": {seat.id.hex: seat.status for seat in seats},
        "books": list(books[:100]),
        "tickets": [
            [
                ticket.seat_id.hex,
                ticket.fan_id.hex,
                ticket.order_id.hex,
                "" if ticket.order_fan_id == ticket.fan_id else ticket.order_fan_id.hex,
                ticket.order_state,
                ticket.order_minor,
                ticket.order_tickets_minor,
                ticket.ledger_minor,
                " ".join(sorted(ticket.currencies)),
            ]
            for ticket in tickets
            if ticket.valid
        ],
    }


def _load_seats(seats: Sequence[SeatSeen], found: Mapping[str, Any]) -> list[SeatSeen]:
    status = found.get("seats", {})
    return [
        SeatSeen(seat.id, seat.label, status[seat.id.hex], seat.price_minor)
        for seat in seats
        if seat.id.hex in status
    ]


def _load_tickets(found: Mapping[str, Any]) -> list[TicketSeen]:
    return [
        TicketSeen(
            seat_id=UUID(seat),
            fan_id=UUID(fan),
            order_id=UUID(order),
            order_fan_id=UUID(order_fan or fan),
            order_state=state,
            order_minor=order_minor,
            order_tickets_minor=tickets_minor,
            ledger_minor=ledger_minor,
            currencies=frozenset(currencies.split()),
        )
        for (
            seat,
            fan,
            order,
            order_fan,
            state,
            order_minor,
            tickets_minor,
            ledger_minor,
            currencies,
        ) in found.get("tickets", [])
    ]
