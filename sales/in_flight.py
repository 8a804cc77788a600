"""How many seats of an event are in flight: offered to a buyer whose transaction has not ended.

A copy of the occupancy does not show them as taken, so who picks from it has to look beyond
them. Two counts, of what was offered and of what has been settled (sold, refused or failed), tell
how many they are. They are the region's own, in its cache, and begin anew each minute, so that
what a killed process never settled is forgotten. They are a hint that spares conflicts: nothing
is wrong without them.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.core.cache import cache
from redis.exceptions import RedisError

__all__ = ["offer_seats", "settle_seats", "settled_seats"]

_EPOCH_SECONDS = 60
_KEPT_SECONDS = 3 * _EPOCH_SECONDS


def settled_seats(event_id: UUID, read_at: datetime) -> int:
    """Return how many seats were settled so far, in the minute of a copy; 0 without the cache."""
    try:
        return int(cache.get(_key(event_id, read_at, "settled"), 0))
    except RedisError:
        return 0


def offer_seats(event_id: UUID, read_at: datetime, seats: int) -> int | None:
    """Count seats as offered, and return how many were before; None without the cache."""
    total = _add(_key(event_id, read_at, "offered"), seats)
    return None if total is None else total - seats


def settle_seats(event_id: UUID, read_at: datetime, seats: int) -> None:
    """Count seats that were offered as settled."""
    _add(_key(event_id, read_at, "settled"), seats)


def _key(event_id: UUID, read_at: datetime, what: str) -> str:
    return f"in-flight:{event_id}:{int(read_at.timestamp()) // _EPOCH_SECONDS}:{what}"


def _add(key: str, seats: int) -> int | None:
    try:
        try:
            return int(cache.incr(key, seats))
        except ValueError:  # nobody has counted yet
            cache.add(key, 0, _KEPT_SECONDS)
            return int(cache.incr(key, seats))
    except (RedisError, ValueError):
        return None
