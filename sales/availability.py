"""Which seats can be had, told so that a watcher can go on from what she knows.

A watcher gets all seats that are not available, and a cursor; with it she asks for what has
changed since. A seat's `changed_at` is the `now` of whoever changed it, which is taken before
the transaction begins, and so lies before the instant from which others can see the change. A
cursor that said "since I last looked" would miss a sale that began before the look and was
committed after it. So a look reaches back beyond the cursor's time:

- always by OVERLAP: a transaction runs again for 10 seconds at most (worldseat.dsql.occ), and
  the rest is for its last run and for clocks that differ. A watcher is told some seats twice.
- once in DEEP_EVERY, by DEEP_OVERLAP: a process may be stopped between its last statement and
  COMMIT, for as long as the database lets a transaction live, 300 seconds on DSQL. Let D1 < D2
  be deep looks one after the other, and a change be stamped c, committed at a time between
  them, hence before c + DEEP_OVERLAP. D2 asks for what was stamped after D1 - DEEP_OVERLAP;
  since the commit is after D1, c is. No commit is missed.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sales.events import visible_event
from sales.occupancy import SKEW, occupancy_of
from worldseat.dsql.occ import occ_retry

__all__ = ["Availability", "BadCursor", "Cursor", "availability"]

OVERLAP = timedelta(seconds=30)
DEEP_EVERY = timedelta(minutes=5)
DEEP_OVERLAP = timedelta(seconds=330)


class BadCursor(ValueError):
    """The cursor is none of this event's; begin again without one."""


@dataclass(frozen=True)
class Cursor:
    """Where a watcher of an event is: when she looked last, and when she last looked deep."""

    event_id: UUID
    seen_at: datetime
    deep_at: datetime

    def encode(self) -> str:
        """Return the cursor as a text that means nothing to its holder."""
        parts = [self.event_id.hex, _milliseconds(self.seen_at), _milliseconds(self.deep_at)]
        return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str, *, event_id: UUID, now: datetime) -> Cursor:
        """Read a cursor; raises BadCursor unless it is one of the event's, and of the past."""
        try:
            padded = text + "=" * (-len(text) % 4)
            event, seen, deep = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
            cursor = cls(UUID(event), _instant(seen), _instant(deep))
        except (ValueError, TypeError, AttributeError, OverflowError, OSError, RecursionError):
            raise BadCursor from None
        if cursor.event_id != event_id or not cursor.deep_at <= cursor.seen_at <= now + SKEW:
            raise BadCursor
        return cursor

    def is_due(self, now: datetime) -> bool:
        """Tell whether the next look is a deep one."""
        return now - self.deep_at >= DEEP_EVERY

    def since(self, now: datetime) -> datetime:
        """Return from when on changes have to be told."""
        recent = self.seen_at - OVERLAP
        return min(recent, self.deep_at - DEEP_OVERLAP) if self.is_due(now) else recent

    def moved(self, now: datetime) -> Cursor:
        """Return where the watcher is after a look at `now`."""
        return Cursor(self.event_id, now, now if self.is_due(now) else self.deep_at)


def _milliseconds(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


def _instant(milliseconds: Any) -> datetime:
    if type(milliseconds) is not int:
        raise TypeError
    instant = datetime.fromtimestamp(milliseconds / 1000, UTC)
    if instant.year < 2000:
        raise ValueError(instant)
    return instant


@dataclass(frozen=True)
class Availability:
    """The seats of an event at one instant; `age` is how long ago that was.

    `counts` has, for each category that has seats, how many there are of each status;
    `changed` lists seat and status. Ids are texts, as they are sent.
    """

    cursor: Cursor
    age: timedelta
    counts: dict[str, dict[str, int]]
    changed: list[tuple[str, str]]


def availability(*, event_id: UUID, user: Any, since: str | None, now: datetime) -> Availability:
    """Tell which seats can be had, as of less than a second ago (see `sales.occupancy`).

    Without `since`, `changed` has all seats but the available ones; with a cursor, all that
    have changed since it was given out, also those that are available again, and perhaps some
    that the watcher knows already. A seat whose hold has expired is available, and has changed
    when it expired. An event whose seats are not complete has none.

    `user` is looked at only where the event is not public. Raises EventNotFound for what the
    user may not see, and BadCursor.
    """
    found = occupancy_of(event_id=event_id, now=now)
    if not found.is_public:
        _check_visible(event_id=event_id, user=user)
    cursor = Cursor.decode(since, event_id=event_id, now=now) if since is not None else None
    at = found.read_at
    if cursor:
        # Her last answer may have come from another server, with a copy that was newer.
        at = max(at, cursor.seen_at)
    return Availability(
        cursor=cursor.moved(at) if cursor else Cursor(event_id, at, at),
        age=found.age(now),
        counts=found.counts(),
        changed=found.statuses(since=cursor.since(at) if cursor else None),
    )


@occ_retry(repeatable=True)
def _check_visible(*, event_id: UUID, user: Any) -> None:
    visible_event(event_id=event_id, user=user)
