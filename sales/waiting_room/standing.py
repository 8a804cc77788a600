"""The standing of a waiting room: all that it takes to place a fan, whoever she is.

A few kilobytes, however many have joined: the rules, the counts, and marks, which are the places
at every so many ranks. From them follow a fan's rank, up to which place fans are let in, and how
long it takes. Arithmetic only; `sales.waiting_room.desk` reads it from the database.

A place is a number: a draw below 1 for who joined before the sale; for who came later 1 and the
seconds since. The smallest goes first.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from math import floor
from uuid import UUID

from sales.waiting_room.draw import draw_of, place_id
from sales.waiting_room.tokens import QueueTicket

__all__ = ["GRACE", "QueueState", "Standing"]

# Who has not come for her pass for so long after her turn is taken for gone: another one is let
# in instead of her. She may still come.
GRACE = timedelta(seconds=60)
# How far letting in may catch up after it stood still: so many seconds' worth at once.
CATCH_UP_SECONDS = 10


class QueueState(StrEnum):
    """Where a fan stands."""

    OFF = "off"
    BEFORE_SALE = "before-sale"
    WAITING = "waiting"
    PAUSED = "paused"
    ALL_TAKEN = "all-taken"
    SOLD_OUT = "sold-out"
    ENDED = "ended"
    ADMITTED = "admitted"
    PASS_ENDED = "pass-ended"  # noqa: S105 # a state


@dataclass(frozen=True)
class Standing:
    """A waiting room at `read_at`. At `released_at` all up to rank `released` had been let in.

    `ranks`, `places` and `came` are the marks: at a rank, the place, and how many up to it have
    come for their pass. The last rank is `joined`. `available` and `held` are seats. `is_over`:
    the event is closed or cancelled, before its sale would have ended.
    """

    event_id: UUID
    room_id: UUID
    read_at: datetime
    is_public: bool
    is_on: bool
    sells: bool
    is_over: bool
    is_paused: bool
    opens_at: datetime
    on_sale_at: datetime
    off_sale_at: datetime
    rate_per_minute: int
    pass_seconds: int
    policy: str
    seed: str
    commitment: str
    released: int
    released_at: datetime | None
    admitted: int
    available: int
    held: int
    ranks: Sequence[int]
    places: Sequence[float]
    came: Sequence[int]

    @cached_property
    def joined(self) -> int:
        """How many have a place."""
        return self.ranks[-1] if self.ranks else 0

    # --- Places and ranks ------------------------------------------------------------------

    def place_of(self, ticket: QueueTicket) -> float:
        """Return a ticket's place; before the sale nobody may be told."""
        if ticket.joined_at < self.on_sale_at:
            own = place_id(event_id=self.event_id, fan_id=ticket.fan_id)
            return draw_of(seed=self.seed, place_id=own)
        return 1 + (ticket.joined_at - self.on_sale_at).total_seconds()

    def rank_of(self, place: float) -> float:
        """Return how many places there are up to this one; between two marks in proportion."""
        at = bisect_left(self.places, place)
        if at == len(self.places):
            return self.joined + 1
        return _between(place, self._mark(at - 1), (self.places[at], self.ranks[at]))

    def reaches(self, place: float) -> bool:
        """Tell whether there is this place or one after it."""
        return bool(self.places) and place <= self.places[-1]

    def place_at(self, rank: float) -> float:
        """Return the place of a rank: less than all for 0, the last one's beyond it."""
        if rank < 1 or not self.ranks:
            return -1
        if rank >= self.joined:
            return self.places[-1]
        at = bisect_left(self.ranks, rank)
        place, below = self._mark(at - 1)
        return _between(rank, (below, place), (self.ranks[at], self.places[at]))

    def _mark(self, at: int) -> tuple[float, float]:
        """Return the place and the rank of a mark; of the one before the first, nothing."""
        return (self.places[at], self.ranks[at]) if at >= 0 else (0, 0)

    # --- Letting in ------------------------------------------------------------------------

    def has_ended(self, now: datetime) -> bool:
        """Tell whether nothing is sold any more."""
        return self.is_over or now >= self.off_sale_at

    def why_closed(self, now: datetime) -> QueueState | None:
        """Return why nobody new is let in now; None if somebody is."""
        if not self.is_on:
            return QueueState.OFF
        if self.has_ended(now):
            return QueueState.ENDED
        if self.is_paused or not self.sells:
            return QueueState.PAUSED
        if now < self.on_sale_at:
            return QueueState.BEFORE_SALE
        if not self.available:
            return QueueState.ALL_TAKEN if self.held else QueueState.SOLD_OUT
        return None

    def by_rate(self, now: datetime) -> float:
        """Return up to which rank the rate lets in, and instead of each who is gone another."""
        since = self.rate_per_minute * self._counted(now).total_seconds() / 60
        return self.released + since + self._gone_since(now)

    def abandoned(self, now: datetime) -> float:
        """Return how many of those whose turn is long over have not come for their pass."""
        due = self._due(now)
        return max(due - self._came(due), 0)

    def let_in(self, now: datetime) -> int:
        """Return up to which rank fans are let in now."""
        return floor(min(self.by_rate(now), self._most(now)))

    def caught_up(self, now: datetime) -> int | None:
        """Return what `released` has to be set back to; None as long as it need not.

        The rate goes on while nobody can be let in, or nobody is left to; what it has not used
        then must not come in one rush later.
        """
        if now < self.on_sale_at or self.is_paused:
            return None
        most = self._most(now)
        at_once = max(self.rate_per_minute * CATCH_UP_SECONDS / 60, 1)
        return floor(most) if self.by_rate(now) > most + at_once else None

    def _most(self, now: datetime) -> float:
        """Return up to which rank fans may be let in, whatever the rate: while there are seats.

        As many more as there are seats; nobody new while none is left, or the sale stands.
        """
        if self.why_closed(now):
            return min(self.admitted + self.released - self._came(self.released), self.joined)
        return min(self.admitted + self.abandoned(now) + self.available, self.joined)

    def _counted(self, now: datetime) -> timedelta:
        """Return for how long the rate has been going on since `released` was set."""
        since = max(self.released_at or self.on_sale_at, self.on_sale_at)
        return timedelta(0) if self.is_paused else max(now - since, timedelta(0))

    def _due(self, now: datetime) -> float:
        """Return how many places' turn came longer ago than GRACE."""
        since = max(self._counted(now) - GRACE, timedelta(0))
        if self.why_closed(now):
            since = timedelta(0)
        return min(self.released + self.rate_per_minute * since.total_seconds() / 60, self.joined)

    def _gone_since(self, now: datetime) -> float:
        due = self._due(now)
        came = self._came(due) - self._came(self.released)
        return max(due - self.released - came, 0)

    def _came(self, rank: float) -> float:
        """Return how many up to a rank have come for their pass."""
        at = bisect_left(self.ranks, rank)
        if at == len(self.ranks):
            return self.admitted
        below = (self._mark(at - 1)[1], self.came[at - 1] if at else 0)
        return _between(rank, below, (self.ranks[at], self.came[at]))

    def is_let_in(self, place: float, now: datetime) -> bool:
        """Tell whether it is a place's turn, or has been."""
        return place <= self.place_at(self.let_in(now))

    # --- What fans are told ----------------------------------------------------------------

    def ahead(self, place: float, now: datetime) -> int:
        """Return how many are before a place and not let in yet."""
        return max(round(self.rank_of(place)) - 1 - self.let_in(now), 0)

    def seconds_until(self, ahead: int, now: datetime) -> int:
        """Estimate how long it takes with so many ahead: by the rate, and by those who are gone.

        Of the places whose turn is over the share that was abandoned is let in besides.
        """
        over = self._due(now) - self.released
        gone = self._gone_since(now) / over if over >= 20 else 0
        return round((ahead + 1) * 60 / (self.rate_per_minute * (1 + gone)))


def _between(x: float, low: tuple[float, float], high: tuple[float, float]) -> float:
    """Return y at x, on the line from one point to another."""
    (x0, y0), (x1, y1) = low, high
    return y1 if x1 <= x0 else y0 + (y1 - y0) * (x - x0) / (x1 - x0)
