"""Optimistic concurrency: recognise a conflict, run the transaction again.

Nothing waits for a lock on DSQL. Of two transactions that write one row, the last to commit
fails with SQLSTATE 40001, at a statement or, more often, at COMMIT. A retry therefore has to
enclose the outermost transaction; inside one, a `try` around a statement sees nothing.
"""

from __future__ import annotations

import functools
import inspect
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

import psycopg
from django.db import DEFAULT_DB_ALIAS, Error, OperationalError, connections, transaction

__all__ = [
    "NestedRetryError",
    "OutcomeUnknown",
    "Tally",
    "is_conflict",
    "is_connection_lost",
    "occ_retry",
    "retrying_conflicts",
    "tally",
]

P = ParamSpec("P")
R = TypeVar("R")

ATTEMPTS = 12
DEADLINE_SECONDS = 10.0
# Chosen from a measurement: docs/decisions/0005-waits-of-retries.md.
FIRST_WAIT_SECONDS = 0.05
LONGEST_WAIT_SECONDS = 1.0

_CONFLICT_SQLSTATES = frozenset({"40001", "40P01"})
_SCHEMA_CHANGED = "OC001"
_CONFLICT_MARKER = re.compile(r"\bOC\d{3}\b")
# Class 08 is "connection exception"; 57P01 to 57P03 are a server that goes away; 40003 is
# "statement completion unknown".
_LOST_SQLSTATES = re.compile(r"08\w{3}|57P0[123]|40003")

# Replaced in tests, so that a retry costs no time there.
_sleep = time.sleep


class OutcomeUnknown(OperationalError):
    """The connection was lost during COMMIT: the transaction may or may not be committed.

    Look at what it would have stored before doing it again.
    """

    def __init__(self, reason: object) -> None:
        super().__init__(
            f"The connection was lost during COMMIT, so it is unknown whether the transaction "
            f"was stored; look before you repeat it ({reason})."
        )


class NestedRetryError(RuntimeError):
    """An @occ_retry function was called inside a transaction, where it could not run again."""


@dataclass
class Tally:
    """What the retries inside a `tally()` block took: `attempts` at so many `calls`."""

    calls: int = 0
    attempts: int = 0
    conflicts: int = 0
    connections_lost: int = 0

    def add(self, other: Tally) -> None:
        """Add another one's counts."""
        self.calls += other.calls
        self.attempts += other.attempts
        self.conflicts += other.conflicts
        self.connections_lost += other.connections_lost


_tally: ContextVar[Tally | None] = ContextVar("occ_tally", default=None)


@contextmanager
def tally() -> Iterator[Tally]:
    """Count the attempts of every @occ_retry call in the block, also of one that raises.

    At its end, a block inside another one adds what it counted to that one.
    """
    counted, around = Tally(), _tally.get()
    token = _tally.set(counted)
    try:
        yield counted
    finally:
        _tally.reset(token)
        if around is not None:
            around.add(counted)


def is_conflict(error: BaseException) -> bool:
    """Tell whether the transaction lost against another one (or the schema) and may run again.

    Looks at the SQLSTATE of the error and of what caused it, then for the marker OCnnn in
    the message, since messages drift between releases.
    """
    return any(
        _sqlstate(each) in _CONFLICT_SQLSTATES
        or (isinstance(each, Error | psycopg.Error) and _CONFLICT_MARKER.search(str(each)))
        for each in _chain(error)
    )


def is_connection_lost(error: BaseException) -> bool:
    """Tell whether the connection broke: what it was doing may have happened or not."""
    return any(
        isinstance(each, psycopg.OperationalError | psycopg.InternalError)
        and (
            (_sqlstate(each) is None and isinstance(each, psycopg.OperationalError))
            or bool(_LOST_SQLSTATES.fullmatch(_sqlstate(each) or ""))
            or (_sqlstate(each) == "XX000" and "server unavailable" in str(each))
        )
        for each in _chain(error)
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and its causes: Django keeps psycopg's error on `__cause__`."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__


def _sqlstate(error: BaseException) -> str | None:
    return getattr(error, "sqlstate", None)


def occ_retry(
    *,
    repeatable: bool | Callable[..., bool] = False,
    attempts: int = ATTEMPTS,
    deadline: float = DEADLINE_SECONDS,
    using: str = DEFAULT_DB_ALIAS,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Run a function in a transaction of its own, and again when it loses a conflict.

    The function may run several times, so it does nothing but database work and loads its
    rows itself. It waits between attempts with full jitter, and stops after `attempts` or
    before `deadline` seconds would pass; then the real error comes out.

    repeatable: whether the function may run again when the connection is lost during COMMIT,
        that is, whether something stored in the same transaction (an idempotency key, a row
        under a given id) makes a second run harmless. May be a function of the arguments.

    The decorated function raises OutcomeUnknown when a COMMIT got no answer and the function
    is not repeatable, or no later attempt came to an end; NestedRetryError inside another
    transaction. A generator or coroutine function is refused with TypeError, since its body
    would run after the transaction.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        _refuse_deferred_body(function)

        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            _refuse_nesting(function, using)
            if counted := _tally.get():
                counted.calls += 1
            may_repeat = repeatable(*args, **kwargs) if callable(repeatable) else repeatable
            attempt = _Attempt(using=using, may_repeat=may_repeat)
            retrying = _Retrying(attempt.may_run_again, attempts, deadline)
            try:
                result: R = retrying(attempt, functools.partial(function, *args, **kwargs))
            except Error as error:
                if attempt.is_unknown_after(error):
                    raise OutcomeUnknown(error) from error
                raise
            return result

        return run

    return decorate


@dataclass(frozen=True, slots=True)
class _Retrying:
    """Runs a function again while it may: at most so often, and not past the deadline (seconds).

    Every statement and every transaction goes through here, and nearly all of them once: that has
    to cost next to nothing.
    """

    may_run_again: Callable[[BaseException], bool]
    attempts: int = ATTEMPTS
    deadline: float = DEADLINE_SECONDS

    def __call__(self, function: Callable[..., Any], *arguments: Any) -> Any:
        began, number = time.monotonic(), 1
        while True:
            try:
                return function(*arguments)
            except Exception as error:
                if number >= self.attempts or not self.may_run_again(error):
                    raise
                wait = _full_jitter(number)
                if time.monotonic() - began + wait >= self.deadline:
                    raise
            _sleep(wait)
            number += 1


def _full_jitter(number: int) -> float:
    """Return how long to wait after so many runs: anything up to what doubles each time."""
    most = min(FIRST_WAIT_SECONDS * 2 ** (number - 1), LONGEST_WAIT_SECONDS)
    return random.uniform(0, most)  # noqa: S311 - not a secret


def retrying_conflicts(*, of_schema: bool = False) -> Callable[..., Any]:
    """Return what runs a single statement again, in autocommit, when it loses a conflict.

    `of_schema`: OC001 only, for the statement that begins a transaction. For the backend's cursors;
    a transaction is for @occ_retry. Conflicts count in `tally()`.
    """
    return _Retrying(_is_counted_schema_change if of_schema else _is_counted_conflict)


def _is_counted_schema_change(error: BaseException) -> bool:
    return _SCHEMA_CHANGED in str(error) and _is_counted_conflict(error)


def _is_counted_conflict(error: BaseException) -> bool:
    conflict = is_conflict(error)
    counted = _tally.get()
    if counted is not None:
        counted.conflicts += conflict
    return conflict


def _refuse_deferred_body(function: Callable[..., object]) -> None:
    if (
        inspect.isgeneratorfunction(function)
        or inspect.iscoroutinefunction(function)
        or inspect.isasyncgenfunction(function)
    ):
        raise TypeError(
            f"{function.__qualname__} is a generator or a coroutine function: its body would run "
            f"after the transaction. Make it a plain function that returns its result."
        )


def _refuse_nesting(function: Callable[..., object], using: str) -> None:
    connection = connections[using]
    # With autocommit switched off by hand a transaction is open too, and the end of ours
    # would not commit it.
    if connection.in_atomic_block or (
        connection.connection is not None and not connection.autocommit
    ):
        raise NestedRetryError(
            f"{function.__qualname__} opens its own transaction and cannot run inside "
            f"another: a conflict there could not be retried."
        )


@dataclass
class _Attempt:
    """One run of a body in a transaction, and what its failure means.

    Four places can fail: connecting and the body (nothing is committed), COMMIT (a conflict:
    nothing is committed; a lost connection: unknown), and a hook after COMMIT (committed).
    """

    using: str
    may_repeat: bool
    connected: bool = False
    body_done: bool = False
    committed: bool = False
    # A COMMIT before this attempt got no answer.
    unknown: bool = False

    def __call__(self, body: Callable[[], R]) -> R:
        self.connected = self.body_done = self.committed = False
        counted = _tally.get() or Tally()
        counted.attempts += 1
        try:
            connection: Any = connections[self.using]
            connection.ensure_connection()
            self.connected = True
            # A kept connection that has died shows at its first statement, and another run is
            # ours anyway: to ask it beforehand would be one more round trip.
            connection.health_check_done = True
            with transaction.atomic(using=self.using):
                # Registered first, so it runs before the body's own hooks.
                transaction.on_commit(self._mark_committed, using=self.using)
                result = body()
                self.body_done = True
        except Error as error:
            counted.conflicts += is_conflict(error)
            if self.connected and is_connection_lost(error):
                counted.connections_lost += 1
                connections[self.using].close()
                if self.body_done and not self.committed:
                    self.unknown = True
                    raise OutcomeUnknown(error) from error
            raise
        return result

    def _mark_committed(self) -> None:
        self.committed = True

    def may_run_again(self, error: BaseException) -> bool:
        if self.committed:
            return False
        if isinstance(error, OutcomeUnknown):
            return self.may_repeat
        if not self.connected:
            # The backend tries to connect long enough; but once an outcome is unknown, only
            # another run can settle it.
            return self.unknown and is_connection_lost(error)
        return is_conflict(error) or is_connection_lost(error)

    def is_unknown_after(self, error: Error) -> bool:
        """Tell whether the last error hides that an earlier COMMIT got no answer."""
        return self.unknown and not self.committed and not isinstance(error, OutcomeUnknown)
