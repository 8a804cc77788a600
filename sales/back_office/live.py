"""A sale as it runs: what is sold, held and left, how fast, for how much, and how hard it is.

Read once a second for all who watch, in this region: two statements of its own, in one snapshot.
The seats come from the copy that the fans' seat maps are served from (`sales.occupancy`), and
conflicts from counters of this region (`sales.contention`), not from the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from uuid import UUID

from django.core.cache import cache
from django.db.models import Count, Min, Sum
from django.db.models.functions import TruncHour, TruncMinute
from redis.exceptions import RedisError

from sales.contention import Contention, contention_of
from sales.models import LedgerEntry, PriceCategory, SeatStatus, Ticket
from sales.occupancy import Occupancy, micros, occupancy_of
from sales.waiting_room.rooms import RoomStatus, room_status
from worldseat.dsql.occ import occ_retry

__all__ = ["CategoryLine", "Live", "SeatNews", "Taking", "live_of", "seat_news"]

FRESH_SECONDS = 1.0
MINUTES = 60
_KEPT_SECONDS = 10
_CATEGORIES_KEPT_SECONDS = 30
# A change may be seen this long after it was stamped; a watcher begins anew from time to time.
_OVERLAP = timedelta(seconds=30)


@dataclass(frozen=True)
class CategoryLine:
    """A category's seats by status."""

    name: str
    color: str
    sold: int
    held: int
    available: int
    blocked: int

    @property
    def seats(self) -> int:
        """How many there are."""
        return self.sold + self.held + self.available + self.blocked


@dataclass(frozen=True)
class Taking:
    """What came in (less what went back) from an instant on, and all until its end: minor units."""

    since: datetime
    amount_minor: int
    until_then_minor: int


@dataclass(frozen=True)
class Live:
    """A sale at one instant. Minutes are the last sixty, the one that runs at the end."""

    read_at: datetime
    categories: Sequence[CategoryLine]
    tickets_by_minute: Sequence[tuple[datetime, int]]
    takings: Sequence[Taking]
    by_hour: bool
    contention: Sequence[Contention]
    room: RoomStatus | None

    @property
    def all(self) -> CategoryLine:
        """All categories in one."""
        numbers = ("sold", "held", "available", "blocked")
        sums = {name: sum(getattr(line, name) for line in self.categories) for name in numbers}
        return CategoryLine("All", "", **sums)

    @property
    def net_minor(self) -> int:
        """What came in, less what went back."""
        return self.takings[-1].until_then_minor if self.takings else 0


def live_of(*, event_id: UUID, now: datetime) -> Live:
    """Return a sale as of about a second ago, read once for all who ask.

    Says nothing of who may see it: that is the caller's. Raises EventNotFound.
    """
    key = f"live:1:{event_id}"
    try:
        kept: Live | None = cache.get(key)
        if kept and (now - kept.read_at).total_seconds() < FRESH_SECONDS:
            return kept
        # One reads; the others go on with what was read before.
        if not cache.add(f"{key}:lease", 1, 3) and kept:
            return kept
        found = _read(event_id, now)
        cache.set(key, found, _KEPT_SECONDS)
        cache.delete(f"{key}:lease")
    except RedisError:
        return _read(event_id, now)
    return found


def _read(event_id: UUID, now: datetime) -> Live:
    occupancy = occupancy_of(event_id=event_id, now=now)
    counts = occupancy.counts()
    lines = [
        CategoryLine(
            name,
            color,
            sold=counts[pk][SeatStatus.SOLD],
            held=counts[pk][SeatStatus.HELD],
            available=counts[pk][SeatStatus.AVAILABLE],
            blocked=counts[pk][SeatStatus.BLOCKED],
        )
        for pk, name, color in _categories(event_id, occupancy.categories)
        if pk in counts
    ]
    tickets, takings, by_hour = _sales(event_id=event_id, now=now)
    return Live(
        read_at=now,
        categories=lines,
        tickets_by_minute=tickets,
        takings=takings,
        by_hour=by_hour,
        contention=contention_of(event_id=event_id, now=now, minutes=MINUTES),
        room=room_status(event_id=event_id, now=now),
    )


def _categories(
    event_id: UUID, listed: Sequence[tuple[str, bool]]
) -> Sequence[tuple[str, str, str]]:
    """Return ids, names and colours in the organiser's order; they hardly ever change."""
    key = f"live:categories:{event_id}"
    found: dict[str, tuple[str, str]] | None = cache.get(key)
    if found is None or any(pk not in found for pk, _ in listed):
        rows = PriceCategory.objects.filter(event=event_id).values_list("pk", "name", "color")
        found = {str(pk): (name, color) for pk, name, color in rows}
        cache.set(key, found, _CATEGORIES_KEPT_SECONDS)
    return [(pk, *found[pk]) for pk, _ in listed]


@occ_retry(repeatable=True)
def _sales(
    *, event_id: UUID, now: datetime
) -> tuple[list[tuple[datetime, int]], list[Taking], bool]:
    """Read the tickets of the last hour by minute, and the money since the first sale."""
    first_minute = _minute(now) - timedelta(minutes=MINUTES - 1)
    recent = Ticket.objects.filter(order__event=event_id, order__created_at__gte=first_minute)
    by_minute = dict(
        recent.order_by()
        .values_list(TruncMinute("order__created_at", tzinfo=UTC))
        .annotate(number=Count("pk"))
    )
    minutes = [first_minute + timedelta(minutes=at) for at in range(MINUTES)]
    tickets = [(minute, by_minute.get(minute, 0)) for minute in minutes]
    lines = LedgerEntry.objects.filter(event=event_id).order_by()
    grouped = (
        lines.values_list(TruncHour("created_at", tzinfo=UTC))
        .annotate(sum=Sum("amount_minor"), first=Min("created_at"))
        .order_by("first")
    )
    hours = [(hour, int(amount)) for hour, amount, _ in grouped]
    by_hour = not hours or now - hours[0][0] < timedelta(days=4)
    return tickets, _takings(hours, by_hour=by_hour), by_hour


def _takings(hours: Sequence[tuple[datetime, int]], *, by_hour: bool) -> list[Taking]:
    """Add the money up, by hour or by day."""
    amounts: dict[datetime, int] = {}
    for hour, amount in hours:
        since = hour if by_hour else hour.replace(hour=0)
        amounts[since] = amounts.get(since, 0) + amount
    return [
        Taking(since, amount, until_then)
        for (since, amount), until_then in zip(
            amounts.items(), accumulate(amounts.values()), strict=True
        )
    ]


def _minute(instant: datetime) -> datetime:
    return instant.replace(second=0, microsecond=0)


@dataclass(frozen=True)
class SeatNews:
    """Seats that changed: id, status and when (seconds since 1970); `cursor` goes on from here."""

    cursor: str
    changed: Sequence[tuple[str, str, int]]


def seat_news(*, event_id: UUID, since: str, now: datetime) -> SeatNews:
    """Return the seats that are not available, or with a cursor all that changed since.

    Costs the database nothing beyond the copy that is shared.
    """
    found = occupancy_of(event_id=event_id, now=now)
    instant = micros(found.read_at)
    start = _start(since, found)
    changed = [
        (pk, seat.status_at(instant), seat.changed_by(instant) // 1_000_000)
        for pk, seat in found.seats.items()
        if (seat.changed_by(instant) >= start if start else seat.status_at(instant) != "available")
    ]
    return SeatNews(str(instant), changed)


def _start(since: str, found: Occupancy) -> int:
    if not (since.isascii() and since.isdecimal() and len(since) <= 17):
        return 0
    return max(int(since) - _OVERLAP // timedelta(microseconds=1), 1)
