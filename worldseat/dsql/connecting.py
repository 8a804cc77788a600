"""Opening a connection: which refusals pass, and which stay."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import psycopg
from tenacity import (
    Retrying,
    retry_if_exception,
    stop_before_delay,
    wait_random_exponential,
)

__all__ = ["connect_patiently", "forgetting", "is_expired", "passes"]

# A sleeping cluster wakes up within seconds; 100 new connections a second are allowed.
DEADLINE_SECONDS = 30.0
FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 3.0

_PASSING_SQLSTATES = frozenset({"53300", "53400"})
_PASSING_WORDS = ("waking up", "too many open connections", "rate exceeded")

# Replaced in tests, so that waiting costs no time there.
_sleep = time.sleep


def passes(error: BaseException) -> bool:
    """Tell whether the server will take a connection soon: it wakes up, or has too many."""
    # libpq keeps no SQLSTATE of a connection that was refused: the words have to do.
    return isinstance(error, psycopg.OperationalError) and (
        error.sqlstate in _PASSING_SQLSTATES or any(words in str(error) for words in _PASSING_WORDS)
    )


def is_expired(error: BaseException) -> bool:
    """Tell whether the token was too old, or signed with credentials that were."""
    return isinstance(error, psycopg.OperationalError) and "Signature expired" in str(error)


def connect_patiently(connect: Callable[[], Any], *, forget: Callable[[], None]) -> Any:
    """Connect, again while the refusal is one that passes, for at most 30 seconds.

    `connect` mints a token each time. When a token has expired, `forget` drops what it was signed
    with, and there is one more try; any other refusal of access stays (IAM, or the region).
    Raises psycopg.OperationalError, the last one.
    """
    retrying = Retrying(
        retry=retry_if_exception(passes),
        stop=stop_before_delay(DEADLINE_SECONDS),
        wait=wait_random_exponential(FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS),
        sleep=lambda seconds: _sleep(seconds),
        reraise=True,
    )
    try:
        return retrying(connect)
    except psycopg.OperationalError as error:
        if not is_expired(error):
            raise
    forget()
    return retrying(connect)


def forgetting(forget: Callable[[], None]) -> type[psycopg.Connection[Any]]:
    """Return what a pool makes its connections of: one that calls `forget` for an expired token.

    The pool itself tries again, with a delay that grows.
    """

    class PooledConnection(psycopg.Connection[Any]):
        @classmethod
        def connect(cls, conninfo: str = "", **options: Any) -> Any:
            try:
                return super().connect(conninfo, **options)
            except psycopg.OperationalError as error:
                if is_expired(error):
                    forget()
                raise

    return PooledConnection
