"""Connections to Valkey that fail fast: what can go without it waits for it once, not each time."""

from __future__ import annotations

import logging
import time
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

__all__ = ["Breaker", "BreakingConnection", "BreakingSSLConnection", "pool_options"]

_log = logging.getLogger(__name__)


class Breaker:
    """Open for some seconds after a failure: nobody tries meanwhile, all are told at once."""

    def __init__(self, seconds: float = 3.0) -> None:
        self._seconds = seconds
        self._until = 0.0

    @property
    def is_open(self) -> bool:
        """Whether nobody should try now."""
        return time.monotonic() < self._until

    def trip(self, error: BaseException) -> None:
        """Open it; the log says so once, not for each who finds it open."""
        if not self.is_open:
            _log.warning("Valkey is out of reach, going on without it: %s", error)
        self._until = time.monotonic() + self._seconds

    def reset(self) -> None:
        """Close it: all may try again."""
        self._until = 0.0


class _Breaking(redis.Connection):
    """What is not even tried for some seconds after a connection to that server has failed."""

    _breakers: dict[tuple[Any, Any], Breaker] = {}  # noqa: RUF012 # one for each server

    def connect(self) -> None:
        """Connect; raises redis' ConnectionError, at once while the breaker is open."""
        breaker = self._breakers.setdefault((self.host, self.port), Breaker())
        if breaker.is_open:
            raise redis.ConnectionError("Valkey was out of reach a moment ago.")
        try:
            super().connect()  # type: ignore[no-untyped-call] # redis has no type for it
        except (redis.ConnectionError, redis.TimeoutError) as error:
            breaker.trip(error)
            raise


class BreakingConnection(_Breaking):
    """A connection with a breaker."""


class BreakingSSLConnection(_Breaking, redis.SSLConnection):
    """The same over TLS: what a rediss:// URL asks for."""


def pool_options(url: str, *, connect_seconds: float, seconds: float) -> dict[str, Any]:
    """Return keyword arguments of a connection pool for a URL: one try, within a bounded time.

    redis-py by itself tries again with pauses of seconds. The class that is named here counts for
    more than the URL's scheme, so it has to fit it.
    """
    return {
        "connection_class": _class_for(url),
        "retry": Retry(NoBackoff(), 0),
        "socket_connect_timeout": connect_seconds,
        "socket_timeout": seconds,
    }


def _class_for(url: str) -> type[redis.Connection]:
    return BreakingSSLConnection if url.startswith("rediss://") else BreakingConnection
