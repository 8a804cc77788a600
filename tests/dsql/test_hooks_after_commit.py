"""@occ_retry and transaction.on_commit."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from django.db import DatabaseError, OperationalError, transaction

from tests.dsql.relay import Relay
from tests.dsql.rows import insert, read, write
from worldseat.dsql.occ import OutcomeUnknown, occ_retry


def test_runs_the_hooks_of_the_attempt_that_committed_only(
    failing_commits: Callable[..., None], waits: list[float]
) -> None:
    failing_commits(2, sqlstate="40001", message="(OC000)")
    runs: list[int] = []
    told: list[int] = []

    @occ_retry()
    def body() -> None:
        runs.append(1)
        number = len(runs)
        transaction.on_commit(lambda: told.append(number))
        insert(2)

    body()
    assert told == [3]


def test_runs_no_hook_of_an_attempt_whose_end_is_unknown(relay: Relay) -> None:
    told: list[int] = []

    @occ_retry()
    def body() -> None:
        transaction.on_commit(lambda: told.append(1))
        insert(2)
        relay.cut = "after"

    with pytest.raises(OutcomeUnknown):
        body()
    write(1)
    assert told == []


@pytest.mark.parametrize(
    "error",
    [
        DatabaseError("change conflicts with another transaction (OC000)"),
        psycopg.errors.SerializationFailure("could not serialize access"),
        psycopg.OperationalError("server closed the connection unexpectedly"),
        OperationalError("the connection is lost"),
    ],
)
def test_never_sells_again_because_a_hook_failed(
    probe: str, waits: list[float], error: Exception
) -> None:
    runs: list[int] = []

    def fail() -> None:
        raise error

    @occ_retry(repeatable=True)
    def body() -> None:
        runs.append(1)
        write(read() + 1)
        transaction.on_commit(fail)

    with pytest.raises(type(error)):
        body()
    assert runs == [1]
    assert read() == 1
