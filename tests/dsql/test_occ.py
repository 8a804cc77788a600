"""@occ_retry: the outermost transaction, run again when it loses a conflict."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction

from tests.dsql.rows import count, insert, read, write
from tests.helpers.databases import Session
from worldseat.dsql import occ
from worldseat.dsql.occ import NestedRetryError, is_conflict, occ_retry, tally


def test_commits_and_returns_the_result(probe: str, rival_session: Session) -> None:
    @occ_retry()
    def body(*, n: int) -> str:
        write(n)
        return "done"

    with tally() as counted:
        assert body(n=3) == "done"
    assert rival_session.execute("SELECT n FROM probe").fetchone() == (3,)
    assert (counted.attempts, counted.conflicts, counted.connections_lost) == (1, 0, 0)


def test_runs_again_after_a_conflict_at_a_statement(
    rival_session: Session, waits: list[float]
) -> None:
    seen: list[int] = []

    @occ_retry()
    def body() -> None:
        seen.append(read())
        if len(seen) == 1:
            rival_session.execute("UPDATE probe SET n = 10")
        write(seen[-1] + 1)

    with tally() as counted:
        body()
    assert seen == [0, 10]
    assert read() == 11
    assert (counted.attempts, counted.conflicts) == (2, 1)
    assert len(waits) == 1


@pytest.mark.parametrize(
    ("sqlstate", "message"),
    [
        ("40001", "change conflicts with another transaction (OC000)"),
        ("40001", "schema has been updated by another transaction (OC001)"),
        ("40P01", "deadlock detected"),
        ("P0001", "change conflicts with another transaction, please retry: (OC000)"),
    ],
)
def test_runs_again_after_a_conflict_at_commit(
    failing_commits: Callable[..., None], waits: list[float], sqlstate: str, message: str
) -> None:
    failing_commits(2, sqlstate=sqlstate, message=message)
    runs: list[int] = []

    @occ_retry()
    def body() -> None:
        runs.append(len(runs))
        insert(2)

    body()
    assert runs == [0, 1, 2]
    assert count() == 2


def test_rolls_back_the_attempt_that_lost(
    failing_commits: Callable[..., None], waits: list[float]
) -> None:
    failing_commits(1, sqlstate="40001", message="(OC000)")
    runs: list[int] = []

    @occ_retry()
    def body() -> None:
        runs.append(len(runs))
        insert(100 + len(runs))

    body()
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM probe ORDER BY id")
        assert cursor.fetchall() == [(1,), (102,)]


def test_raises_the_real_error_when_the_attempts_are_spent(
    failing_commits: Callable[..., None], waits: list[float]
) -> None:
    failing_commits(99, sqlstate="40001", message="change conflicts (OC000)")

    @occ_retry(attempts=5)
    def body() -> None:
        insert(2)

    with tally() as counted, pytest.raises(OperationalError, match="OC000") as caught:
        body()
    assert is_conflict(caught.value)
    assert (counted.attempts, counted.conflicts) == (5, 5)
    assert count() == 1
    assert not connection.in_atomic_block


def test_waits_with_full_jitter(
    failing_commits: Callable[..., None], waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[tuple[float, float]] = []

    def draw(least: float, most: float) -> float:
        drawn.append((least, most))
        return most / 3

    monkeypatch.setattr("worldseat.dsql.occ.random.uniform", draw)
    failing_commits(99, sqlstate="40001", message="(OC000)")

    @occ_retry(attempts=12, deadline=60)
    def body() -> None:
        insert(2)

    with pytest.raises(OperationalError):
        body()
    ceilings = [
        min(occ.LONGEST_WAIT_SECONDS, occ.FIRST_WAIT_SECONDS * 2**number) for number in range(11)
    ]
    # Anywhere below the ceiling, not near it.
    assert drawn == [(0, most) for most in ceilings]
    assert waits == [most / 3 for most in ceilings]


def test_stops_before_the_deadline(
    failing_commits: Callable[..., None], waits: list[float]
) -> None:
    failing_commits(99, sqlstate="40001", message="(OC000)")

    @occ_retry(attempts=50, deadline=0)
    def body() -> None:
        insert(2)

    with tally() as counted, pytest.raises(OperationalError):
        body()
    assert counted.attempts == 1
    assert waits == []


@pytest.mark.parametrize("error", [IntegrityError, DatabaseError, ValueError])
def test_never_repeats_another_error(probe: str, error: type[Exception]) -> None:
    runs: list[int] = []

    @occ_retry()
    def body() -> None:
        runs.append(1)
        write(9)
        raise error("no")

    with pytest.raises(error, match="no"):
        body()
    assert runs == [1]
    assert read() == 0


def test_refuses_to_run_inside_a_transaction(probe: str) -> None:
    runs: list[int] = []

    @occ_retry()
    def body() -> None:
        runs.append(1)

    with transaction.atomic(), pytest.raises(NestedRetryError, match="body"):
        body()
    assert runs == []


def test_refuses_to_run_inside_another(probe: str) -> None:
    @occ_retry()
    def inner() -> None:
        write(1)

    @occ_retry()
    def outer() -> None:
        inner()

    with pytest.raises(NestedRetryError, match="inner"):
        outer()
    assert read() == 0


def test_refuses_to_run_with_autocommit_off(probe: str) -> None:
    @occ_retry()
    def body() -> None:
        write(1)

    transaction.set_autocommit(False)
    try:
        with pytest.raises(NestedRetryError):
            body()
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)
    assert read() == 0


def rows() -> Iterator[int]:
    """Yield one row."""
    yield 1


async def later() -> None:
    """Run later."""


async def stream() -> AsyncIterator[int]:
    """Yield one row later."""
    yield 1


@pytest.mark.parametrize("body", [rows, later, stream])
def test_refuses_a_function_whose_body_runs_later(body: Callable[[], object]) -> None:
    with pytest.raises(TypeError, match="plain function"):
        occ_retry()(body)


def test_says_when_the_body_swallowed_an_error(probe: str) -> None:
    @occ_retry()
    def body() -> None:
        write(5)
        with contextlib.suppress(IntegrityError):
            insert(1)

    with pytest.raises(transaction.TransactionManagementError, match="nothing was stored"):
        body()
    assert read() == 0
