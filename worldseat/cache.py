"""A cache for what is only quicker with it."""

from __future__ import annotations

from typing import Any

from django_redis.cache import RedisCache

__all__ = ["OptionalCache"]


class OptionalCache(RedisCache):  # type: ignore[misc] # publishes no types
    """Without Valkey it is empty, keeps nothing, and raises nothing (with IGNORE_EXCEPTIONS)."""

    def add(self, *args: Any, **kwargs: Any) -> bool:
        """Keep a value unless there is one; without Valkey nobody else can have kept one.

        So who asks for a lock by this gets it at once, rather than wait for one that is never free.
        """
        added = super().add(*args, **kwargs)
        return True if added is None else bool(added)
