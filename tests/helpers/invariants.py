"""What must hold of an event's committed state, whatever was done to it (docs/architecture.md)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from sales.books import book_faults
from sales.models import (
    KEEPS_SEATS,
    Allowance,
    CategoryAllowance,
    Event,
    HeldSeat,
    Hold,
    OrderState,
    PresaleCode,
    Scan,
    ScanOutcome,
    Seat,
    SeatStatus,
    Ticket,
    TicketState,
)
from worldseat.dsql.occ import occ_retry

__all__ = ["broken_invariants"]


@occ_retry(repeatable=True)
def broken_invariants(*, event_id: UUID, now: datetime) -> list[str]:
    """Return a sentence for each invariant that does not hold of an event, from one snapshot."""
    event = Event.objects.get(pk=event_id)
    return [
        *_seats_and_tickets(event, now),
        *_holds(event, now),
        *_limits(event, now),
        *_codes(event, now),
        *book_faults(event.pk),
        *_doors(event),
    ]


def _seats_and_tickets(event: Event, now: datetime) -> Iterator[str]:
    """Invariants 1 and 2: a seat is sold if, and only if, it has one valid ticket."""
    tickets = Counter(_valid(event).values_list("seat_id", flat=True))
    for seat in Seat.objects.filter(event=event):
        if tickets[seat.pk] > 1:
            yield f"{seat} has {tickets[seat.pk]} valid tickets"
        if (seat.status == SeatStatus.SOLD) != (tickets[seat.pk] > 0):
            yield f"{seat} is {seat.status} and has {tickets[seat.pk]} valid tickets"
    for ticket in _valid(event).select_related("order", "seat"):
        if ticket.order.state != OrderState.PAID:
            yield f"the ticket of {ticket.seat} is valid, and its order {ticket.order.state}"
        if ticket.fan_id != ticket.order.fan_id:
            yield f"the ticket of {ticket.seat} is another fan's than its order"


def _holds(event: Event, now: datetime) -> Iterator[str]:
    """A live hold has all of its seats; a held seat has a live hold, or is free."""
    holds = {hold.pk: hold for hold in Hold.objects.filter(event=event)}
    held = Counter(
        Seat.objects.filter(event=event, status=SeatStatus.HELD).values_list("hold_id", flat=True)
    )
    lines = Counter(HeldSeat.objects.filter(hold__event=event).values_list("hold_id", flat=True))
    for hold in holds.values():
        live = hold.state in KEEPS_SEATS and hold.expires_at > now
        if live and held[hold.pk] != lines[hold.pk]:
            yield f"hold {hold.pk} is {hold.state}, and has {held[hold.pk]} of {lines[hold.pk]}"
        if hold.state not in KEEPS_SEATS and hold.state != "expired" and held[hold.pk]:
            yield f"hold {hold.pk} is {hold.state}, and still has {held[hold.pk]} seats"
    for seat in Seat.objects.filter(event=event, status=SeatStatus.HELD):
        owner = holds.get(seat.hold_id) if seat.hold_id else None
        if not seat.is_free(now) and (owner is None or owner.state not in KEEPS_SEATS):
            yield f"{seat} is held, by a hold that is {owner.state if owner else 'not there'}"


def _limits(event: Event, now: datetime) -> Iterator[str]:
    """Invariant 4: nobody buys more than the limit, and no allowance counts too few."""
    by_fan: Counter[UUID] = Counter(_valid(event).values_list("fan_id", flat=True))
    # No limit stops the box office.
    at_counter = _valid(event).filter(order__box_office_sale__isnull=False)
    given = Counter(at_counter.values_list("fan_id", flat=True))
    by_category: Counter[tuple[UUID, UUID]] = Counter(
        _valid(event).values_list("seat__category_id", "fan_id")
    )
    for line in _live_lines(event, now):
        by_fan[line.hold.fan_id] += 1
        by_category[line.seat.category_id, line.hold.fan_id] += 1
    used = dict(Allowance.objects.filter(event=event).values_list("fan_id", "used"))
    for fan_id, has in by_fan.items():
        if has - given[fan_id] > event.limit_per_fan:
            yield f"fan {fan_id} has {has} of {event.limit_per_fan}"
        if used.get(fan_id, 0) < has:
            yield f"fan {fan_id} has {has}, and her allowance says {used.get(fan_id)}"
    rows = CategoryAllowance.objects.filter(category__event=event).select_related("category")
    for row in rows:
        has = by_category[row.category_id, row.fan_id]
        if row.category.limit_per_fan is not None and has > row.category.limit_per_fan:
            yield f"fan {row.fan_id} has {has} of category {row.category}"
        if row.used < has:
            yield f"fan {row.fan_id} has {has} of {row.category}, counted as {row.used}"


def _codes(event: Event, now: datetime) -> Iterator[str]:
    """No code has sold more than its cap, and its counter is never too low."""
    under = Counter(_valid(event).exclude(code=None).values_list("code_id", flat=True))
    under.update(line.hold.code_id for line in _live_lines(event, now) if line.hold.code_id)
    for code in PresaleCode.objects.filter(event=event, cap__isnull=False):
        if under[code.pk] > (code.cap or 0):
            yield f"{under[code.pk]} tickets went under {code}, whose cap is {code.cap}"
        if under[code.pk] > code.used:
            yield f"{under[code.pk]} tickets went under {code}, counted as {code.used}"


def _doors(event: Event) -> Iterator[str]:
    """Nobody is let in twice on one ticket, and who was let in is marked so."""
    admitted = Scan.objects.filter(event=event, outcome=ScanOutcome.ADMITTED)
    for ticket_id, times in Counter(admitted.values_list("ticket_id", flat=True)).items():
        if times > 1:
            yield f"ticket {ticket_id} was let in {times} times"
    marked = Ticket.objects.filter(event=event, admitted_at__isnull=False)
    if set(marked.values_list("pk", flat=True)) != set(
        admitted.values_list("ticket_id", flat=True)
    ):
        yield "the tickets marked as admitted are not those that were let in"


def _valid(event: Event) -> QuerySet[Ticket]:
    return Ticket.objects.filter(event=event, state=TicketState.VALID)


def _live_lines(event: Event, now: datetime) -> list[HeldSeat]:
    lines = HeldSeat.objects.filter(
        hold__event=event, hold__state__in=KEEPS_SEATS, hold__expires_at__gt=now
    )
    return list(lines.select_related("hold", "seat"))
