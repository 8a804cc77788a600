"""A region's desk: the standing that its processes share, and the roll that each of them keeps.

One process of the region reads the standing, under a lease, and leaves it in the cache; each
keeps its own copy for a second, longer if reading takes long. Without the cache every process
reads for itself. Nothing is lost with the cache: it is a copy of what the database says.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core.cache import BaseCache, cache
from redis.exceptions import RedisError

from sales.waiting_room.reading import CountSeats, read_standing, seats_of
from sales.waiting_room.roll import Roll
from sales.waiting_room.standing import Standing

__all__ = ["Desk", "desk"]

FRESH_FOR = timedelta(seconds=1)
# A copy stays good for so many times as long as reading it took: at most a tenth of a core.
_SHARE_OF_A_CORE = 10
_LEASE_SECONDS = 5
_KEPT_SECONDS = 60
_EVENTS_A_PROCESS = 64
_PATIENCE_SECONDS = 5.0
_LOOK_AGAIN_SECONDS = 0.02


class Desk:
    """Where a process of a region looks up waiting rooms."""

    def __init__(
        self,
        region: str,
        shared: BaseCache | None = None,
        count_seats: CountSeats = seats_of,
    ) -> None:
        self.region = region
        self._count_seats = count_seats
        self.roll = Roll()
        self._shared: BaseCache = shared or cache
        self._copies: OrderedDict[UUID, tuple[Standing, timedelta]] = OrderedDict()
        self._lock = threading.Lock()
        self._reading = threading.Lock()

    def standing(self, *, event_id: UUID, now: datetime) -> Standing:
        """Return how a waiting room stands, as of a second ago or so; raises RoomNotFound."""
        self.roll.write(now)
        known = self._copy(event_id, now)
        if known:
            return known
        try:
            return self._of_region(event_id, now)
        except RedisError:
            return self._alone(event_id, now)

    def forget(self, event_id: UUID) -> None:
        """Read anew when asked next, in this region: the organiser has changed something."""
        with self._lock:
            self._copies.pop(event_id, None)
        with suppress(RedisError):
            self._shared.delete(_key(event_id))

    def _copy(self, event_id: UUID, now: datetime) -> Standing | None:
        with self._lock:
            kept = self._copies.get(event_id)
        return kept[0] if kept and _is_fresh(*kept, now) else None

    def _keep(self, found: tuple[Standing, timedelta]) -> Standing:
        with self._lock:
            self._copies[found[0].event_id] = found
            self._copies.move_to_end(found[0].event_id)
            while len(self._copies) > _EVENTS_A_PROCESS:
                self._copies.popitem(last=False)
        return found[0]

    def _of_region(self, event_id: UUID, now: datetime) -> Standing:
        """Take the region's copy, or read it for the region, or wait for who does."""
        key, began = _key(event_id), time.monotonic()
        while (waited := time.monotonic() - began) < _PATIENCE_SECONDS:
            instant = now + timedelta(seconds=waited)
            kept: tuple[Standing, timedelta] | None = self._shared.get(key)
            if kept and _is_fresh(*kept, instant):
                return self._keep(kept)
            if self._shared.add(f"{key}:lease", 1, _LEASE_SECONDS):
                try:
                    found = self._timed(event_id, instant)
                    self._shared.set(key, found, _KEPT_SECONDS)
                finally:
                    self._shared.delete(f"{key}:lease")
                return self._keep(found)
            with self._lock:
                stale = self._copies.get(event_id)
            if stale and now - stale[0].read_at < timedelta(seconds=_KEPT_SECONDS):
                return stale[0]
            time.sleep(_LOOK_AGAIN_SECONDS)
        return self._alone(event_id, now)

    def _alone(self, event_id: UUID, now: datetime) -> Standing:
        """Read for this process; its threads wait for the one that reads."""
        with self._reading:
            known = self._copy(event_id, now)
            return known or self._keep(self._timed(event_id, now))

    def _timed(self, event_id: UUID, now: datetime) -> tuple[Standing, timedelta]:
        """Read a standing; return it and how long it stays good."""
        began = time.monotonic()
        found = read_standing(event_id=event_id, now=now, count_seats=self._count_seats)
        took = timedelta(seconds=time.monotonic() - began)
        return found, max(FRESH_FOR, took * _SHARE_OF_A_CORE)


def _is_fresh(standing: Standing, good_for: timedelta, now: datetime) -> bool:
    """Tell whether a copy may be used."""
    return -FRESH_FOR <= now - standing.read_at < good_for


def _key(event_id: UUID) -> str:
    return f"waiting-room:1:{event_id}"


desk = Desk(settings.REGION)
