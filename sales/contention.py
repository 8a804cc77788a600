"""How hard a sale is fought for: conflicts, counted by event and minute.

Only a transaction that met a conflict is noted, once it has ended: it has waited for its next try
anyway, and a sale that met none pays nothing for being watched. The counters are a region's own,
in its cache: another region's are not in them, and where the cache is out of reach nothing is.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple, ParamSpec, TypeVar
from uuid import UUID

from django.core.cache import cache
from redis.exceptions import RedisError

from worldseat.dsql.occ import is_conflict, tally

__all__ = ["Contention", "contention_of", "counts_conflicts"]

P = ParamSpec("P")
R = TypeVar("R")

_MINUTE_SECONDS = 60
_KEPT_SECONDS = 2 * 3600


class Contention(NamedTuple):
    """What a minute saw: conflicts, each followed by another try, and sales that gave up."""

    conflicts: int
    gave_up: int


def counts_conflicts(
    event_of: Callable[..., UUID] = lambda *, event_id, **_: event_id,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Count the conflicts of a function that sells, outside of its @occ_retry.

    `event_of` takes its arguments and returns the event's id.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def counted(*args: P.args, **kwargs: P.kwargs) -> R:
            gave_up = 0
            with tally() as seen:
                try:
                    return function(*args, **kwargs)
                except Exception as error:
                    gave_up = int(is_conflict(error))
                    raise
                finally:
                    if seen.conflicts:
                        _note(event_of(*args, **kwargs), seen.conflicts, gave_up)

        return counted

    return decorate


def _note(event_id: UUID, conflicts: int, gave_up: int) -> None:
    minute = int(time.time()) // _MINUTE_SECONDS
    for name, number in (("conflicts", conflicts), ("gave-up", gave_up)):
        if number:
            key = _key(event_id, minute, name)
            with suppress(RedisError, ValueError):
                cache.add(key, 0, _KEPT_SECONDS)
                cache.incr(key, number)


def _key(event_id: UUID, minute: int, name: str) -> str:
    return f"contention:{event_id}:{minute}:{name}"


def contention_of(*, event_id: UUID, now: datetime, minutes: int = 60) -> Sequence[Contention]:
    """Return the last minutes of an event in this region, the one that runs last, in one look."""
    last = int(now.timestamp()) // _MINUTE_SECONDS
    wanted = range(last - minutes + 1, last + 1)
    names = ("conflicts", "gave-up")
    keys = [_key(event_id, minute, name) for minute in wanted for name in names]
    try:
        found = cache.get_many(keys)
    except RedisError:
        found = {}
    return [
        Contention(*(int(found.get(_key(event_id, minute, name), 0)) for name in names))
        for minute in wanted
    ]
