"""What an organiser does to seats: paint, block, release, mark, comp, reprice.

A seat that is sold, or held by somebody who is deciding or paying, is never touched: `judge` says
so for each seat, and `carry_out` judges anew in the transaction that writes. Whoever sells a seat
at that instant writes the same row, and one of the two runs again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import F, TextChoices

from sales.limits import count_seats
from sales.models import Event, EventState, Order, OrderState, PriceCategory, Seat, SeatStatus
from sales.pricing import Price
from sales.selling import Line, take_seats, write_tickets
from worldseat.money import format_money

__all__ = [
    "COMP",
    "Operation",
    "OperationKind",
    "Outcome",
    "Result",
    "carry_out",
    "judge",
    "title_of",
]

# What a comp's ticket says instead of a price type.
COMP = "Complimentary"


class OperationKind(TextChoices):
    """What is done to each seat."""

    PAINT = "paint", "Set the price category"
    BLOCK = "block", "Block"
    RELEASE = "release", "Release"
    ACCESSIBLE = "accessible", "Mark as accessible"
    NOT_ACCESSIBLE = "not-accessible", "Unmark as accessible"
    COMP = "comp", "Give away"
    REPRICE = "reprice", "Change the price of a category"


class Outcome(TextChoices):
    """What came of one seat."""

    CHANGED = "changed", "Changed"
    UNCHANGED = "unchanged", "Unchanged"
    REFUSED = "refused", "Refused"


@dataclass(frozen=True)
class Operation:
    """What is done to each seat, and with what. Ids are texts, so that it is JSON as it is.

    `category`: of paint and reprice. `reason`: of block. `price_minor`: of reprice. `fan`,
    `email`: who gets comps.
    """

    kind: str
    category: str = ""
    reason: str = ""
    price_minor: int = 0
    fan: str = ""
    email: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as a job keeps it."""
        return {name: value for name, value in asdict(self).items() if value}


@dataclass(frozen=True)
class Result:
    """What came of one seat, and why where it was refused."""

    seat: str
    section: str
    row: str
    number: str
    outcome: str
    reason: str = ""

    @classmethod
    def of(cls, seat: Seat, outcome: Outcome, reason: str = "") -> Result:
        """Return a seat's."""
        return cls(str(seat.pk), seat.section, seat.row, seat.number, outcome.value, reason)

    @classmethod
    def of_missing(cls, seat_id: str) -> Result:
        """Return that of a seat which is no longer there."""
        return cls(seat_id, "", "", "", Outcome.REFUSED.value, "The seat is gone.")


Verdict = tuple[Outcome, str]
CHANGED: Verdict = (Outcome.CHANGED, "")
UNCHANGED: Verdict = (Outcome.UNCHANGED, "")


def judge(operation: Operation, event: Event, seat: Seat, *, now: datetime) -> Verdict:
    """Say what an operation would make of an event's seat, loaded with its category."""
    if seat.status == SeatStatus.SOLD:
        return Outcome.REFUSED, "sold"
    if seat.status == SeatStatus.HELD and not seat.is_free(now):
        return Outcome.REFUSED, "held"
    if operation.kind == OperationKind.COMP and event.state == EventState.CANCELLED:
        return Outcome.REFUSED, "The event is cancelled."
    return _JUDGES[operation.kind](operation, seat)


def carry_out(
    operation: Operation, event: Event, seats: Sequence[Seat], *, now: datetime
) -> list[Result]:
    """Do it to those of some seats that it may be done to, and say what came of each.

    Call it in a transaction that has read the seats, with their categories: at most some
    hundred. Tells watchers by `changed_at`.
    """
    verdicts = [(seat, *judge(operation, event, seat, now=now)) for seat in seats]
    changed = [seat for seat, outcome, _ in verdicts if outcome == Outcome.CHANGED]
    refusal = _WRITERS[operation.kind](operation, event, changed, now) if changed else ""
    if refusal:
        verdicts = [
            (seat, Outcome.REFUSED, refusal) if outcome == Outcome.CHANGED else (seat, outcome, why)
            for seat, outcome, why in verdicts
        ]
    return [Result.of(seat, outcome, why) for seat, outcome, why in verdicts]


# --- What would change ---------------------------------------------------------------------


def _judge_paint(operation: Operation, seat: Seat) -> Verdict:
    return UNCHANGED if str(seat.category_id) == operation.category else CHANGED


def _judge_block(operation: Operation, seat: Seat) -> Verdict:
    same = seat.status == SeatStatus.BLOCKED and seat.block_reason == operation.reason
    return UNCHANGED if same else CHANGED


def _judge_release(operation: Operation, seat: Seat) -> Verdict:
    return CHANGED if seat.status == SeatStatus.BLOCKED else UNCHANGED


def _judge_accessible(operation: Operation, seat: Seat) -> Verdict:
    wanted = operation.kind == OperationKind.ACCESSIBLE
    return UNCHANGED if seat.accessible == wanted else CHANGED


def _judge_comp(operation: Operation, seat: Seat) -> Verdict:
    return CHANGED


def _judge_reprice(operation: Operation, seat: Seat) -> Verdict:
    if str(seat.category_id) != operation.category:
        return Outcome.REFUSED, "of another category by now"
    return CHANGED


_JUDGES: Mapping[str, Callable[[Operation, Seat], Verdict]] = {
    OperationKind.PAINT: _judge_paint,
    OperationKind.BLOCK: _judge_block,
    OperationKind.RELEASE: _judge_release,
    OperationKind.ACCESSIBLE: _judge_accessible,
    OperationKind.NOT_ACCESSIBLE: _judge_accessible,
    OperationKind.COMP: _judge_comp,
    OperationKind.REPRICE: _judge_reprice,
}

# --- What is written: each returns why nothing was, or an empty text -----------------------


def _update(seats: Sequence[Seat], now: datetime, **values: Any) -> None:
    Seat.objects.filter(pk__in=[seat.pk for seat in seats]).update(changed_at=now, **values)


def _paint(operation: Operation, event: Event, seats: Sequence[Seat], now: datetime) -> str:
    category = PriceCategory.objects.filter(event=event, pk=operation.category).first()
    if category is None:
        return "the category is gone"
    _update(seats, now, category=category)
    Event.objects.filter(pk=event.pk).update(chart_version=F("chart_version") + 1)
    return ""


def _block(operation: Operation, event: Event, seats: Sequence[Seat], now: datetime) -> str:
    # An expired hold may still be in the seat's row: it keeps it no longer.
    status = SeatStatus.BLOCKED
    reason = operation.reason
    _update(seats, now, status=status, block_reason=reason, hold=None, held_until=None)
    return ""


def _release(operation: Operation, event: Event, seats: Sequence[Seat], now: datetime) -> str:
    _update(seats, now, block_reason="")
    take_seats(seats, status=SeatStatus.AVAILABLE, now=now)
    return ""


def _mark(operation: Operation, event: Event, seats: Sequence[Seat], now: datetime) -> str:
    _update(seats, now, accessible=operation.kind == OperationKind.ACCESSIBLE)
    return ""


def _comp(operation: Operation, event: Event, seats: Sequence[Seat], now: datetime) -> str:
    """Sell them for nothing: an order with tickets, like any other in the books.

    It counts as the fan's seats, but no limit stops it.
    """
    take_seats(seats, status=SeatStatus.SOLD, now=now)
    _update([seat for seat in seats if seat.block_reason], now, block_reason="")
    fan_id = UUID(operation.fan)
    count_seats(event, fan_id, seats)
    order = Order.objects.create(
        event=event,
        fan_id=fan_id,
        state=OrderState.PAID,
        total_minor=0,
        currency=event.currency,
        region=settings.REGION,
        created_at=now,
    )
    lines = [Line(seat, Price(0, 0), note=COMP) for seat in seats]
    write_tickets(order, lines, now=now)
    return ""


def _reprice(operation: Operation, event: Event, seats: Sequence[Seat], now: datetime) -> str:
    """Write nothing: the price is the category's, and was set when the job was started."""
    return ""


_WRITERS: Mapping[str, Callable[[Operation, Event, Sequence[Seat], datetime], str]] = {
    OperationKind.PAINT: _paint,
    OperationKind.BLOCK: _block,
    OperationKind.RELEASE: _release,
    OperationKind.ACCESSIBLE: _mark,
    OperationKind.NOT_ACCESSIBLE: _mark,
    OperationKind.COMP: _comp,
    OperationKind.REPRICE: _reprice,
}


def title_of(operation: Operation, event: Event, category: PriceCategory | None, seats: int) -> str:
    """Say in a line what is done to how many seats."""
    name = category.name if category else ""
    what = {
        OperationKind.PAINT: f"Set category {name}",
        OperationKind.BLOCK: f"Block ({operation.reason})" if operation.reason else "Block",
        OperationKind.RELEASE: "Release",
        OperationKind.ACCESSIBLE: "Mark as accessible",
        OperationKind.NOT_ACCESSIBLE: "Unmark as accessible",
        OperationKind.COMP: f"Give to {operation.email}",
        OperationKind.REPRICE: (
            f"Change the price of {name} to {format_money(operation.price_minor, event.currency)}"
        ),
    }[OperationKind(operation.kind)]
    return f"{what}: {seats:,} seat{'' if seats == 1 else 's'}"
