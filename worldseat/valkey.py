"""Connections to Valkey that fail fast: what can go without it waits for it once, not each time."""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

__all__ = [
    "Breaker",
    "BreakingConnection",
    "BreakingSSLConnection",
    "KeptConnections",
    "pool_options",
]

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


class KeptConnections:
    """Connections to one server, each with one thread at a time, for what every sale asks.

    redis-py's pool looks at a connection before each use whether it is still there, which takes
    more processor time than the command. Here it shows at the command, which is then sent again on
    a new connection: only for commands that may run twice.
    """

    def __init__(self, url: str, *, connect_seconds: float, seconds: float) -> None:
        options = pool_options(url, connect_seconds=connect_seconds, seconds=seconds)
        self._pool = redis.ConnectionPool.from_url(url, **options)
        self._free: deque[Any] = deque()
        # A process that is forked has the same sockets.
        os.register_at_fork(after_in_child=self._free.clear)

    def ask(self, *words: Any) -> Any:
        """Send a command and return its answer; raises RedisError."""
        try:
            kept = self._free.pop()
        except IndexError:
            return self._ask_new(words)
        try:
            return self._ask_on(kept, words)
        except redis.ConnectionError:
            self._free.clear()  # where one has died, so have others
            return self._ask_new(words)

    def _ask_new(self, words: Sequence[Any]) -> Any:
        made = self._pool.connection_class(**self._pool.connection_kwargs)
        return self._ask_on(made, words)

    def _ask_on(self, connection: Any, words: Sequence[Any]) -> Any:
        try:
            connection.send_command(*words)
            answer = connection.read_response()
        except redis.ResponseError:  # an answer too
            self._free.append(connection)
            raise
        self._free.append(connection)
        return answer
