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

from sales.models import OrderState, Outcome, SeatStatus
from sales.stampede.evidence import Evidence, SeatSeen, Testimony, TicketSeen
from sales.stampede.history import contradictions

__all__ = ["Verdict", "Violation", "judge"]

DOUBLE_SALE = "double_sale"
LOST_SALE = "lost_sale"
DISAGREEMENT = "disagreement"
NOT_LINEARIZABLE = "not_linearizable"
UNREADABLE = "unreadable"

# A hall that was oversold has thousands; the counts say how many, and these show what they are.
_SHOWN = 100


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
    """What the witness found.

    `oversold` is how many fans too many were sold a seat or told so, `oversold_minor` what their
    seats cost at face value, in minor units.
    """

    tickets: int
    seats_sold: int
    told_confirmed: int
    oversold: int
    oversold_minor: int = 0
    violations: list[Violation] = field(default_factory=list)

    @property
    def agree(self) -> bool:
        """Tell whether the three sources agree, and each seat's history has an order."""
        return not self.violations

    def as_dict(self) -> dict[str, Any]:
        """Return it as the report has it: at most 100 violations, and how many there are."""
        return {
            "agree": self.agree,
            "tickets": self.tickets,
            "seats_sold": self.seats_sold,
            "told_confirmed": self.told_confirmed,
            "violation_count": len(self.violations),
            "violations": [violation.as_dict() for violation in self.violations[:_SHOWN]],
        }


def judge(evidence: Evidence) -> Verdict:
    """Compare seats, tickets and what buyers were told; nothing is read or written.

    A ticket whose buyer was told nothing is in order: her worker died between the sale and the
    answer. So is a ticket of somebody who took no part, and a ticket that was refunded.
    """
    valid = [ticket for ticket in evidence.tickets if ticket.valid]
    tickets, told = _by_seat(valid), _by_seat(evidence.told)
    refunded = {each.order_id for each in evidence.tickets if _is_refunded(each)}
    voided = {each.seat_id for each in evidence.tickets if not each.valid}
    confirmed = {seat: _confirmed(each) for seat, each in told.items()}
    violations = [*_unreadable(evidence), *_missing_attempts(evidence), *_unknown_seats(evidence)]
    extra: list[tuple[SeatSeen, int]] = []
    for seat in evidence.seats:
        here, said = tickets.get(seat.id, []), told.get(seat.id, [])
        yes = [each for each in confirmed.get(seat.id, []) if each.order_id not in refunded]
        extra.append((seat, max(0, max(len(here), len(yes)) - 1)))
        violations += _double_sales(seat, here, yes)
        violations += _lost_sales(seat, here, yes)
        violations += _contradictions(seat, here, said)
        for ticket in here:
            violations += _bad_books(seat, ticket)
        if seat.id not in voided:
            # Otherwise it was taken, freed and may have been taken again.
            violations += _impossible_orders(seat, here, said)
    if not violations:
        # Else they would say again, of the whole event, what was said of its seats.
        violations = [Violation(DISAGREEMENT, "", "", text) for text in evidence.books]
    return Verdict(
        tickets=len(valid),
        seats_sold=sum(seat.status == SeatStatus.SOLD for seat in evidence.seats),
        told_confirmed=sum(map(len, confirmed.values())),
        oversold=sum(times for _, times in extra),
        oversold_minor=sum(seat.price_minor * times for seat, times in extra),
        violations=violations,
    )


def _is_refunded(ticket: TicketSeen) -> bool:
    given_back = ticket.refunds_minor > 0 or ticket.order_state == OrderState.CANCELLED
    return not ticket.valid and given_back


def _unreadable(evidence: Evidence) -> Iterator[Violation]:
    if evidence.unreadable:
        text = f"The store could not be read at the end: {evidence.unreadable}"
        yield Violation(UNREADABLE, "", "", text)


def _unknown_seats(evidence: Evidence) -> Iterator[Violation]:
    """Find who was told yes of a seat that is none of the event's."""
    known = {seat.id for seat in evidence.seats}
    for buyer in _confirmed(evidence.told):
        if buyer.seat_id not in known and not evidence.unreadable:
            yield Violation(LOST_SALE, "", str(buyer), f"{buyer} was told yes of no seat at issue.")


def _impossible_orders(
    seat: SeatSeen, tickets: Sequence[TicketSeen], told: Sequence[Testimony]
) -> Iterator[Violation]:
    """Find attempts at a seat that no order of theirs explains."""
    # Somebody who took no part, or was not told that she has it.
    fans = {each.fan_id for each in _confirmed(told)}
    others = any(ticket.fan_id not in fans for ticket in tickets)
    # Held or blocked by somebody.
    others = others or not (fans or seat.status == SeatStatus.AVAILABLE)
    for one, other, text in contradictions(told, taken_by_others=others):
        who = ", ".join(str(each) for each in (one, other) if each)
        yield Violation(NOT_LINEARIZABLE, seat.label, who, text)


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
    elif not _adds_up(ticket, ticket.ledger_minor):
        text = (
            f"The amounts of {order} differ: tickets {ticket.order_tickets_minor}, "
            f"order {ticket.order_minor}, ledger {ticket.ledger_minor}."
        )
        yield Violation(DISAGREEMENT, seat.label, who, text)


def _adds_up(ticket: TicketSeen, ledger_minor: int) -> bool:
    """Tell whether an order, its valid tickets and its ledger agree.

    Where something went back, a ticket may have stayed: what that comes to, the books know.
    """
    same = ticket.order_minor == ledger_minor
    return same and (bool(ticket.refunds_minor) or ticket.order_tickets_minor == ledger_minor)
