"""Which seats of an event are taken, read once a second for all who want to know.

The chart of a sale is watched by thousands while a few hundred buy. So one of the watchers reads
what has changed, under a lease, and leaves it in the cache; the others of the region take that
copy, and a process keeps its own. What is answered is never older than `FRESH_FOR`, by the
clocks of the region's servers; from `RENEW_AFTER` on one watcher already reads anew while the
others go on with the copy, so that hardly anybody waits. Without the cache each process reads
for itself, once a second.

A refresh reads the seats that were changed in the last `LATEST_COMMIT`: a transaction may be
stamped that long before others can see it (300 seconds on DSQL, and what clocks differ). So the
copy is what the database had at `read_at`, and not only almost.

Whoever changes a seat in any way writes its `changed_at`; that is how it is heard of.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.core.cache import cache
from django.db import OperationalError, connection
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast
from redis.exceptions import RedisError

from sales.events import EventNotFound
from sales.in_flight import settled_seats
from sales.models import Event, EventState, PriceCategory, Seat, SeatStatus
from worldseat.dsql.occ import is_connection_lost, occ_retry

__all__ = ["Occupancy", "SeatState", "digest_of", "micros", "occupancy_of"]

FRESH_FOR = timedelta(seconds=1)
# Two statements a second for an event at most, and what is left is time to read an arena.
RENEW_AFTER = timedelta(seconds=0.7)
LATEST_COMMIT = timedelta(seconds=330)
# How far the clocks of two servers may differ; a copy from further ahead is not believed.
SKEW = timedelta(seconds=10)

# A refresh takes some 0.2 s for an arena; who holds the lease may also die.
_LEASE_SECONDS = 3
_LOOK_AGAIN_SECONDS = 0.02
_PATIENCE_SECONDS = 5.0
_KEPT_SECONDS = 600
_EVENTS_A_PROCESS = 64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SeatState(NamedTuple):
    """What changes about a seat; times are microseconds since 1970, `held_until` 0 for none."""

    category: str
    accessible: bool
    status: str
    changed_at: int
    held_until: int

    def status_at(self, instant: int) -> str:
        """Return its status at an instant: a hold that has expired keeps nothing."""
        if self.status == SeatStatus.HELD and self.held_until <= instant:
            return SeatStatus.AVAILABLE.value
        return self.status

    def changed_by(self, instant: int) -> int:
        """Return when its status last changed, as seen at an instant: a hold also expires."""
        expired = self.status == SeatStatus.HELD and self.held_until <= instant
        return max(self.changed_at, self.held_until) if expired else self.changed_at


@dataclass(frozen=True)
class Occupancy:
    """The seats of an event at one instant, by id (as text) and in the plan's order.

    `categories` are in the organiser's order: each one's id and whether it needs a code.
    `settled` is how many seats `sales.in_flight` had as settled, so these are taken here or free.
    `categories_digest` is another one as soon as a seat's category is.
    """

    event_id: UUID
    plan_id: UUID | None
    is_public: bool
    categories: tuple[tuple[str, bool], ...]
    categories_digest: str
    read_at: datetime
    settled: int
    seats: dict[str, SeatState]

    def age(self, now: datetime) -> timedelta:
        """Return how old it is: never negative, if another server's clock is ahead."""
        return max(now - self.read_at, timedelta(0))

    def is_known_at(self, now: datetime, within: timedelta) -> bool:
        """Tell whether it is no older than that, and not from the future."""
        return -SKEW <= now - self.read_at < within

    def counts(self) -> dict[str, dict[str, int]]:
        """Count, for each category that has seats, those of each status."""
        found = {category: dict.fromkeys(SeatStatus.values, 0) for category, _ in self.categories}
        instant = micros(self.read_at)
        for seat in self.seats.values():
            found[seat.category][seat.status_at(instant)] += 1
        return {category: each for category, each in found.items() if any(each.values())}

    def statuses(self, *, since: datetime | None) -> list[tuple[str, str]]:
        """List seats and statuses: those that changed since, or all that are not available."""
        instant = micros(self.read_at)
        if since is None:
            told = ((pk, seat.status_at(instant)) for pk, seat in self.seats.items())
            return [(pk, status) for pk, status in told if status != SeatStatus.AVAILABLE]
        start = micros(since)
        return [
            (pk, seat.status_at(instant))
            for pk, seat in self.seats.items()
            if seat.changed_by(instant) >= start
        ]


def micros(instant: datetime) -> int:
    """Return microseconds since 1970."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


def digest_of(seats: Iterable[tuple[str, str]]) -> str:
    """Return what tells one assignment of seats to categories (ids, in order) from another."""
    text = "".join(part for pair in seats for part in pair)
    return hashlib.sha256(text.encode()).hexdigest()


def occupancy_of(*, event_id: UUID, now: datetime) -> Occupancy:
    """Return which seats of an event are taken, as of less than FRESH_FOR ago.

    An event whose seats are not complete has none. Says nothing of who may see it: that is the
    caller's, by `is_public`. Raises EventNotFound.
    """
    known = _copies.get(event_id)
    if known and known.is_known_at(now, RENEW_AFTER):
        return known
    try:
        return _shared(event_id, known, now)
    except RedisError:
        return _alone(event_id, now)


class _Copies:
    """The copies a process keeps, of the events that were asked for last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[UUID, Occupancy] = OrderedDict()
        self._lock = threading.Lock()
        self.reading = threading.Lock()

    def get(self, event_id: UUID) -> Occupancy | None:
        with self._lock:
            return self._kept.get(event_id)

    def keep(self, found: Occupancy) -> Occupancy:
        with self._lock:
            self._kept[found.event_id] = found
            self._kept.move_to_end(found.event_id)
            while len(self._kept) > _EVENTS_A_PROCESS:
                self._kept.popitem(last=False)
        return found


_copies = _Copies()


def _shared(event_id: UUID, known: Occupancy | None, now: datetime) -> Occupancy:
    """Take the region's copy, or read it for the region, or wait for who does."""
    began = time.monotonic()
    key = f"occupancy:1:{event_id}"
    while (waited := time.monotonic() - began) < _PATIENCE_SECONDS:
        instant = now + timedelta(seconds=waited)
        kept: Occupancy | None = cache.get(key)
        if kept and (known is None or kept.read_at > known.read_at):
            known = _copies.keep(kept)
        if known and known.is_known_at(instant, RENEW_AFTER):
            return known
        if cache.add(f"{key}:lease", 1, _LEASE_SECONDS):
            try:
                found = _copies.get(event_id)
                # Else another thread has read it between our look and our lease.
                if found is None or not found.is_known_at(instant, RENEW_AFTER):
                    found = _copies.keep(_refreshed(event_id, known, instant))
                    cache.set(key, found, _KEPT_SECONDS)
            finally:
                cache.delete(f"{key}:lease")
            return found
        if known and known.is_known_at(instant, FRESH_FOR):
            return known
        time.sleep(_LOOK_AGAIN_SECONDS)
    return _refreshed(event_id, known, now + timedelta(seconds=_PATIENCE_SECONDS))


def _alone(event_id: UUID, now: datetime) -> Occupancy:
    """Read for this process alone; its threads wait for the one that reads."""
    began = time.monotonic()
    with _copies.reading:
        now += timedelta(seconds=time.monotonic() - began)
        known = _copies.get(event_id)
        if known and known.is_known_at(now, RENEW_AFTER):
            return known
        return _copies.keep(_refreshed(event_id, known, now))


def _refreshed(event_id: UUID, known: Occupancy | None, now: datetime) -> Occupancy:
    """Read an event's seats, or only what has changed since they were read."""
    if known and not timedelta(0) <= now - known.read_at < timedelta(seconds=_KEPT_SECONDS):
        known = None
    settled = settled_seats(event_id, now)
    changed = _changed(event_id, known, settled, now) if known else None
    return changed or _read(event_id=event_id, settled=settled, now=now)


_CHANGES = """
    SELECT e.state, e.plan_id, c.id::text, c.code_required,
        s.id::text, s.accessible, s.status, s.changed_at, s.held_until
    FROM sales_event e
    LEFT JOIN sales_pricecategory c ON c.event_id = e.id
    LEFT JOIN sales_seat s
        ON s.event_id = e.id AND s.category_id = c.id AND s.changed_at >= %s
    WHERE e.id = %s
    ORDER BY c.position, c.id
"""


def _changed(event_id: UUID, known: Occupancy, settled: int, now: datetime) -> Occupancy | None:
    """Read what `_read` would where a copy is known: one statement, hence one snapshot.

    Three times in two seconds for each event that is watched. None where the copy is of no use:
    then `_read`.
    """
    rows = _rows([known.read_at - LATEST_COMMIT, event_id])
    if not rows or known.plan_id is None or rows[0][1] != known.plan_id:
        return None
    changed = {
        pk: SeatState(
            category,
            accessible,
            status,
            micros(changed_at),
            micros(held_until) if held_until else 0,
        )
        for _, _, category, _, pk, accessible, status, changed_at, held_until in rows
        if pk is not None
    }
    if not changed.keys() <= known.seats.keys():
        return None
    found = replace(
        known,
        is_public=rows[0][0] != EventState.DRAFT,
        categories=tuple({row[2]: row[3] for row in rows if row[2]}.items()),
        read_at=now,
        settled=settled,
        seats={**known.seats, **changed},
    )
    same = all(known.seats[pk].category == seat.category for pk, seat in changed.items())
    return found if same else _digested(found)


def _rows(parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Read what has changed, without asking whether the connection lives: half the queries."""
    connection.ensure_connection()
    connection.health_check_done = True  # type: ignore[attr-defined]  # the stubs lack it
    try:
        return _fetched(parameters)
    except OperationalError as error:
        if not is_connection_lost(error):
            raise
    connection.close()
    return _fetched(parameters)


def _fetched(parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(_CHANGES, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


@occ_retry(repeatable=True)
def _read(*, event_id: UUID, settled: int, now: datetime) -> Occupancy:
    """Read the event, its categories and its seats in one snapshot, taken at `now` or later."""
    event = Event.objects.filter(pk=event_id).first()
    if event is None:
        raise EventNotFound(f"There is no event {event_id}.")
    categories = PriceCategory.objects.filter(event=event).order_by("position", "pk")
    listed = tuple((str(pk), code) for pk, code in categories.values_list("pk", "code_required"))
    found = Occupancy(
        event_id=event_id,
        plan_id=event.plan_id,
        is_public=event.state != EventState.DRAFT and event.plan_id is not None,
        categories=listed,
        categories_digest="",
        read_at=now,
        settled=settled,
        seats={},
    )
    if event.plan_id is None:
        return found
    seats = Seat.objects.filter(event=event)
    return _digested(replace(found, seats=_states(seats.in_order())))


def _digested(found: Occupancy) -> Occupancy:
    pairs = ((pk, seat.category) for pk, seat in found.seats.items())
    return replace(found, categories_digest=digest_of(pairs))


def _states(seats: QuerySet[Seat]) -> dict[str, SeatState]:
    seat_id, category_id = (Cast(key, TextField()) for key in ("pk", "category_id"))
    columns = seats.values_list(
        seat_id, category_id, "accessible", "status", "changed_at", "held_until"
    )
    # One text for each category and status, however many seats: pickled, they are a third.
    one: dict[str, str] = {}
    return {
        pk: SeatState(
            one.setdefault(category, category),
            accessible,
            one.setdefault(status, status),
            micros(changed_at),
            micros(held_until) if held_until else 0,
        )
        for pk, category, accessible, status, changed_at, held_until in columns
    }
