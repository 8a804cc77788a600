"""Limits: how many seats of an event, and of a category, one fan may have.

A count of her tickets would be write skew: two sales count the same ones, and both add one.
Each sale or hold adds to a row of hers instead, so two of them conflict. The count in that row
is never too low: what frees her seats takes away from it, and a hold that has merely expired
stays in it. Only when the limit would be passed are her seats counted anew, after her expired
holds are ended; every one of her own transactions writes the row, so that count is right when
it commits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import connection
from django.db.models import F, QuerySet
from django.db.models.functions import Greatest

from sales.models import (
    KEEPS_SEATS,
    Allowance,
    CategoryAllowance,
    Event,
    HeldSeat,
    Hold,
    HoldState,
    PriceCategory,
    Seat,
    Ticket,
    TicketState,
)

__all__ = ["LimitReached", "count_seats", "give_back_allowance", "use_allowance"]


class LimitReached(Exception):
    """The fan has as many seats as the event, or one of its categories, allows."""

    def __init__(self, limit: int, category: PriceCategory | None = None) -> None:
        of = f" of {category.name}" if category else ""
        super().__init__(f"The limit is {limit} tickets{of} a fan.")
        self.limit = limit
        self.category = category


def use_allowance(event: Event, fan_id: UUID, seats: Sequence[Seat], *, now: datetime) -> None:
    """Count some more seats of a fan, loaded with their categories; raises LimitReached.

    Call it in the transaction of the sale, before tickets or held seats are written. One
    statement, and one more for each category that has a limit.
    """
    for allowance in _allowances(event, fan_id, seats):
        if allowance.add() > allowance.limit:
            allowance.set(_seats_of(fan_id, event, allowance.category, now=now))


def count_seats(event: Event, fan_id: UUID, seats: Sequence[Seat]) -> None:
    """Count some more seats of a fan, whatever the limits: an organiser gives them to her."""
    for allowance in _allowances(event, fan_id, seats):
        allowance.add()


def give_back_allowance(event: Event, fan_id: UUID, seats: Sequence[Seat]) -> None:
    """Count some seats of a fan less, in the transaction that frees them.

    Not for the seats of a hold that has ended already: they are no longer counted.
    """
    for allowance in _allowances(event, fan_id, seats):
        allowance.take_away()


@dataclass(frozen=True)
class _Allowance:
    """A fan's row for an event, or for one of its categories, and the seats at issue."""

    model: type[Allowance] | type[CategoryAllowance]
    of_id: UUID
    fan_id: UUID
    seats: int
    limit: int
    category: PriceCategory | None = None

    def add(self) -> int:
        """Add the seats, and return how many there are now, in one round trip."""
        with connection.cursor() as cursor:
            cursor.execute(_ADD[self.model], [uuid4(), self.of_id, self.fan_id, self.seats])
            (used,) = cursor.fetchone()
        return int(used)

    def set(self, counted: int) -> None:
        """Set the row to what was counted and the seats; raises LimitReached."""
        if counted + self.seats > self.limit:
            raise LimitReached(self.limit, self.category)
        self._row().update(used=counted + self.seats)

    def take_away(self) -> None:
        """Take the seats away."""
        self._row().update(used=Greatest(F("used") - self.seats, 0))

    def _row(self) -> QuerySet[Any]:
        of = "category_id" if self.category else "event_id"
        return self.model._default_manager.filter(**{of: self.of_id, "fan_id": self.fan_id})


_ADD = {
    Allowance: """
        INSERT INTO sales_allowance (id, event_id, fan_id, used) VALUES (%s, %s, %s, %s)
        ON CONFLICT (event_id, fan_id)
        DO UPDATE SET used = sales_allowance.used + EXCLUDED.used
        RETURNING used
    """,
    CategoryAllowance: """
        INSERT INTO sales_categoryallowance (id, category_id, fan_id, used) VALUES (%s, %s, %s, %s)
        ON CONFLICT (category_id, fan_id)
        DO UPDATE SET used = sales_categoryallowance.used + EXCLUDED.used
        RETURNING used
    """,
}


def _allowances(event: Event, fan_id: UUID, seats: Sequence[Seat]) -> Iterator[_Allowance]:
    """Yield the rows that count these seats: always in one order, whoever comes."""
    yield _Allowance(Allowance, event.pk, fan_id, len(seats), event.limit_per_fan)
    numbers = Counter(seat.category for seat in seats)
    for category in sorted(numbers, key=lambda each: each.pk):
        limit = category.limit_per_fan
        if limit is not None:
            of_it = numbers[category]
            yield _Allowance(CategoryAllowance, category.pk, fan_id, of_it, limit, category)


def _seats_of(fan_id: UUID, event: Event, category: PriceCategory | None, *, now: datetime) -> int:
    """Count a fan's valid tickets and held seats, after ending her holds that have expired.

    They are ended so that no other region, whose clock is late, can still sell them to her.
    """
    holds = Hold.objects.filter(fan_id=fan_id, event=event, state__in=KEEPS_SEATS)
    holds.filter(expires_at__lte=now).update(state=HoldState.EXPIRED)
    of_category: dict[str, Any] = {"seat__category": category} if category else {}
    tickets = Ticket.objects.filter(
        fan_id=fan_id, event=event, state=TicketState.VALID, **of_category
    )
    held = HeldSeat.objects.filter(hold__in=holds, **of_category)
    return tickets.count() + held.count()
