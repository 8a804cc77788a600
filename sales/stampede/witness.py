"""The witness: does what was sold agree with what was told?

It trusts nobody's account of the run. It reads three sources from one snapshot of committed
state, the seats, the valid tickets with their orders and ledger lines, and what each buyer was
told, and compares them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sales.models import (
    Attempt,
    LedgerEntry,
    OrderState,
    Outcome,
    Seat,
    SeatStatus,
    Stampede,
    Ticket,
    TicketState,
)

__all__ = [
    "Evidence",
    "SeatSeen",
    "Testimony",
    "TicketSeen",
    "Verdict",
    "Violation",
    "gather_evidence",
    "judge",
]

DOUBLE_SALE = "double_sale"
LOST_SALE = "lost_sale"
DISAGREEMENT = "disagreement"


@dataclass(frozen=True)
class SeatSeen:
    """A seat as it is stored."""

    id: UUID
    label: str
    status: str


@dataclass(frozen=True, kw_only=True)
class TicketSeen:
    """A valid ticket as it is stored, with its order and what the ledger says of that.

    Amounts are minor units. `order_tickets_minor` sums the order's valid tickets, `ledger_minor`
    its ledger lines, in the order's currency (None: it has none).
    """

    id: UUID
    seat_id: UUID
    fan_id: UUID
    order_id: UUID
    order_fan_id: UUID
    order_state: str
    order_minor: int
    order_tickets_minor: int
    ledger_minor: int | None
    currencies: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Testimony:
    """What one buyer was told about her seat; PENDING and UNKNOWN: nothing."""

    number: int
    region: str
    fan_id: UUID
    seat_id: UUID
    outcome: str
    order_id: UUID | None = None

    def __str__(self) -> str:
        return f"buyer {self.number} ({self.region})"


@dataclass(frozen=True)
class Evidence:
    """Everything the witness looks at. `buyers` is how many were planned."""

    buyers: int
    seats: Sequence[SeatSeen]
    tickets: Sequence[TicketSeen]
    told: Sequence[Testimony]


@dataclass(frozen=True)
class Violation:
    """One thing that must not be: its kind, the seat, who it happened to, a sentence."""

    kind: str
    seat: str
    who: str
    text: str

    def as_dict(self) -> dict[str, str]:
        """Return it as JSON has it."""
        return {"kind": self.kind, "seat": self.seat, "who": self.who, "text": self.text}


@dataclass(frozen=True)
class Verdict:
    """What the witness found; `oversold` is how many fans too many were sold a seat."""

    tickets: int
    seats_sold: int
    told_confirmed: int
    oversold: int
    violations: list[Violation] = field(default_factory=list)

    @property
    def agree(self) -> bool:
        """Tell whether the three sources agree."""
        return not self.violations

    def as_dict(self) -> dict[str, Any]:
        """Return it as the report has it."""
        return {
            "agree": self.agree,
            "tickets": self.tickets,
            "seats_sold": self.seats_sold,
            "told_confirmed": self.told_confirmed,
            "violations": [violation.as_dict() for violation in self.violations],
        }


def judge(evidence: Evidence) -> Verdict:
    """Compare seats, tickets and what buyers were told; nothing is read or written.

    A ticket whose buyer was told nothing is in order: her worker died between the sale and the
    answer. So is a ticket of somebody who took no part.
    """
    tickets = _by_seat(evidence.tickets)
    told = _by_seat(evidence.told)
    confirmed = {seat: _confirmed(each) for seat, each in told.items()}
    violations = list(_missing_attempts(evidence))
    for seat in evidence.seats:
        here, said = tickets.get(seat.id, []), told.get(seat.id, [])
        yes = confirmed.get(seat.id, [])
        violations += _double_sales(seat, here, yes)
        violations += _lost_sales(seat, here, yes)
        violations += _contradictions(seat, here, said)
        for ticket in here:
            violations += _bad_books(seat, ticket)
    return Verdict(
        tickets=len(evidence.tickets),
        seats_sold=sum(seat.status == SeatStatus.SOLD for seat in evidence.seats),
        told_confirmed=sum(map(len, confirmed.values())),
        oversold=sum(
            max(0, max(len(tickets.get(seat.id, [])), len(confirmed.get(seat.id, []))) - 1)
            for seat in evidence.seats
        ),
        violations=violations,
    )


def _by_seat(things: Iterable[Any]) -> dict[UUID, list[Any]]:
    grouped = defaultdict(list)
    for thing in things:
        grouped[thing.seat_id].append(thing)
    return grouped


def _confirmed(told: Iterable[Testimony]) -> list[Testimony]:
    return [each for each in told if each.outcome == Outcome.CONFIRMED]


def _missing_attempts(evidence: Evidence) -> Iterator[Violation]:
    if (found := len(evidence.told)) != evidence.buyers:
        text = f"{evidence.buyers} buyers were planned, and there are attempts of {found}."
        yield Violation(DISAGREEMENT, "", "", text)


def _double_sales(
    seat: SeatSeen, tickets: Sequence[TicketSeen], yes: Sequence[Testimony]
) -> Iterator[Violation]:
    if len(tickets) > 1:
        who = ", ".join(f"fan {ticket.fan_id}" for ticket in tickets)
        text = f"{seat.label} has {len(tickets)} valid tickets."
        yield Violation(DOUBLE_SALE, seat.label, who, text)
    if len(yes) > 1:
        text = f"{len(yes)} buyers were told that {seat.label} is theirs."
        yield Violation(DOUBLE_SALE, seat.label, ", ".join(map(str, yes)), text)


def _lost_sales(
    seat: SeatSeen, tickets: Sequence[TicketSeen], yes: Sequence[Testimony]
) -> Iterator[Violation]:
    orders = {ticket.order_id for ticket in tickets}
    for buyer in yes:
        if buyer.order_id not in orders:
            text = f"{buyer} was told yes (order {buyer.order_id}), and has no valid ticket."
            yield Violation(LOST_SALE, seat.label, str(buyer), text)
    if seat.status == SeatStatus.SOLD and not tickets:
        text = f"{seat.label} is sold, and nobody has a valid ticket."
        yield Violation(LOST_SALE, seat.label, "", text)
    if seat.status != SeatStatus.SOLD and tickets:
        who = ", ".join(f"fan {ticket.fan_id}" for ticket in tickets)
        text = f"{seat.label} has a valid ticket, and is {seat.status}."
        yield Violation(LOST_SALE, seat.label, who, text)


def _contradictions(
    seat: SeatSeen, tickets: Sequence[TicketSeen], told: Sequence[Testimony]
) -> Iterator[Violation]:
    """Find tickets whose buyer was told something else."""
    fans = {each.fan_id: each for each in told}
    for ticket in tickets:
        buyer = fans.get(ticket.fan_id)
        if buyer is None or buyer.outcome in {Outcome.PENDING, Outcome.UNKNOWN}:
            continue
        if buyer.outcome != Outcome.CONFIRMED:
            text = f"{buyer} has a valid ticket, and was told {buyer.outcome}."
            yield Violation(DISAGREEMENT, seat.label, str(buyer), text)
        elif buyer.order_id != ticket.order_id:
            text = (
                f"{buyer} has a ticket of order {ticket.order_id}, and was told of order "
                f"{buyer.order_id}."
            )
            yield Violation(DISAGREEMENT, seat.label, str(buyer), text)
    holders = {ticket.order_id: ticket.fan_id for ticket in tickets}
    for buyer in _confirmed(told):
        if buyer.order_id in holders and holders[buyer.order_id] != buyer.fan_id:
            text = f"{buyer} was told of order {buyer.order_id}, whose ticket is another fan's."
            yield Violation(DISAGREEMENT, seat.label, str(buyer), text)


def _bad_books(seat: SeatSeen, ticket: TicketSeen) -> Iterator[Violation]:
    """Find a ticket whose order or ledger does not bear it out."""
    who, order = f"fan {ticket.fan_id}", f"order {ticket.order_id}"
    if ticket.order_fan_id != ticket.fan_id:
        text = f"The ticket of {seat.label} and its {order} belong to different fans."
        yield Violation(DISAGREEMENT, seat.label, who, text)
    if ticket.order_state != OrderState.PAID:
        text = f"The ticket of {seat.label} is valid, and its {order} is {ticket.order_state}."
        yield Violation(DISAGREEMENT, seat.label, who, text)
    if len(ticket.currencies) != 1:
        text = f"The books of {order} are in {', '.join(sorted(ticket.currencies))}."
        yield Violation(DISAGREEMENT, seat.label, who, text)
    if ticket.ledger_minor is None:
        text = f"The ledger has no line for {order}."
        yield Violation(DISAGREEMENT, seat.label, who, text)
    elif not ticket.order_tickets_minor == ticket.order_minor == ticket.ledger_minor:
        text = (
            f"The amounts of {order} differ: tickets {ticket.order_tickets_minor}, "
            f"order {ticket.order_minor}, ledger {ticket.ledger_minor}."
        )
        yield Violation(DISAGREEMENT, seat.label, who, text)


def gather_evidence(stampede: Stampede) -> Evidence:
    """Read what the witness compares; call it in one transaction, so that it is one snapshot."""
    seats = [stampede.seat_id]
    attempts = Attempt.objects.filter(stampede=stampede).order_by("number")
    return Evidence(
        buyers=stampede.buyers,
        seats=[SeatSeen(s.pk, s.label, s.status) for s in Seat.objects.filter(pk__in=seats)],
        tickets=_see_tickets(seats),
        told=[
            Testimony(
                number=attempt.number,
                region=attempt.region,
                fan_id=attempt.fan_id,
                seat_id=stampede.seat_id,
                outcome=attempt.outcome,
                order_id=attempt.told_order,
            )
            for attempt in attempts
        ],
    )


def _see_tickets(seats: Sequence[UUID]) -> list[TicketSeen]:
    valid = Ticket.objects.filter(state=TicketState.VALID).select_related("order")
    here = list(valid.filter(seat__in=seats).order_by("created_at", "pk"))
    orders = {ticket.order_id for ticket in here}
    of_order, books = defaultdict(list), defaultdict(list)
    for ticket in valid.filter(order__in=orders):
        of_order[ticket.order_id].append(ticket)
    for line in LedgerEntry.objects.filter(order__in=orders):
        books[line.order_id].append(line)
    return [
        TicketSeen(
            id=ticket.pk,
            seat_id=ticket.seat_id,
            fan_id=ticket.fan_id,
            order_id=ticket.order_id,
            order_fan_id=ticket.order.fan_id,
            order_state=ticket.order.state,
            order_minor=ticket.order.total_minor - ticket.order.fees_minor,
            order_tickets_minor=sum(each.price_minor for each in of_order[ticket.order_id]),
            ledger_minor=_sum_of(books[ticket.order_id], ticket.order.fees_minor),
            currencies=frozenset(
                [ticket.order.currency]
                + [each.currency for each in of_order[ticket.order_id]]
                + [line.currency for line in books[ticket.order_id]]
            ),
        )
        for ticket in here
    ]


def _sum_of(lines: Sequence[LedgerEntry], fees_minor: int) -> int | None:
    """Return what the ledger says the tickets cost, fees left out; None without a line."""
    return sum(line.amount_minor for line in lines) - fees_minor if lines else None
