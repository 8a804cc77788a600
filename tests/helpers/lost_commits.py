"""Connections that break during COMMIT."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from django.db import OperationalError, connection


@contextmanager
def first_commit(action: Callable[[Callable[[], None]], None]) -> Iterator[None]:
    """Let an action stand in for the first COMMIT; it is given the real one."""
    real = connection._commit  # type: ignore[attr-defined] # what Django itself calls

    def commit() -> None:
        connection._commit = real  # type: ignore[attr-defined]
        action(real)

    connection._commit = commit  # type: ignore[attr-defined]
    try:
        yield
    finally:
        connection._commit = real  # type: ignore[attr-defined]


def lose_the_answer(commit: Callable[[], None]) -> None:
    """Commit, and lose the connection before the answer is there."""
    commit()
    connection.connection.close()
    cause = psycopg.OperationalError("server closed the connection unexpectedly")
    raise OperationalError(*cause.args) from cause


def lose_the_question(commit: Callable[[], None]) -> None:
    """Lose the connection for real, before COMMIT gets to the server."""
    backend = connection.connection.info.backend_pid
    params = connection.fresh_connection_params()  # type: ignore[attr-defined] # our backend
    for ours in ("cursor_factory", "context", "prepare_threshold"):
        params.pop(ours, None)
    with psycopg.connect(**params, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
    commit()
