"""Conflicts outside of a transaction: the backend runs the statement again by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, OperationalError, transaction

from tests.helpers.theatre import ALIAS
from worldseat.dsql.base import DatabaseWrapper
from worldseat.dsql.occ import occ_retry, tally
from worldseat.local.endpoint.launch import Endpoint

Behind = psycopg.Connection[Any]
INSERT = "INSERT INTO seat VALUES (%s, %s)"


@pytest.fixture(autouse=True)
def seats(behind: Behind, served: DatabaseWrapper, waits: list[float]) -> None:
    """A table `seat (id, n)` with the row (1, 0), and a session that has seen it."""
    behind.execute("CREATE TABLE seat (id integer PRIMARY KEY, n integer)")
    behind.execute("INSERT INTO seat VALUES (1, 0)")
    execute(served, "SELECT 1")


def execute(served: DatabaseWrapper, sql: str, *params: int) -> list[Any]:
    with served.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description else []


def change_schema(other: DatabaseWrapper) -> None:
    """Let every other session hear OC001 at its next statement."""
    with other.cursor() as cursor:
        cursor.execute("CREATE TABLE another (id integer PRIMARY KEY)")


def numbers(behind: Behind) -> list[tuple[int, int]]:
    return behind.execute("SELECT id, n FROM seat ORDER BY id").fetchall()


@pytest.mark.parametrize("debug", [False, True])
def test_reads_again_after_a_change_of_the_schema(
    served: DatabaseWrapper, second: DatabaseWrapper, waits: list[float], debug: bool
) -> None:
    served.force_debug_cursor = debug
    change_schema(second)
    with tally() as counted:
        assert execute(served, "SELECT n FROM seat") == [(0,)]
    assert counted.conflicts == len(waits) == 1


def test_writes_again_after_a_conflict(
    endpoint: Endpoint, served: DatabaseWrapper, behind: Behind
) -> None:
    endpoint.control.set(conflicts=3)
    with tally() as counted:
        execute(served, "UPDATE seat SET n = n + 1")
    assert counted.conflicts == 3
    assert numbers(behind) == [(1, 1)]


def test_gives_up_in_the_end_with_the_real_error(
    endpoint: Endpoint, served: DatabaseWrapper, behind: Behind
) -> None:
    endpoint.control.set(conflicts=100)
    with pytest.raises(OperationalError, match="OC000") as caught:
        execute(served, "UPDATE seat SET n = n + 1")
    assert isinstance(caught.value.__cause__, psycopg.errors.SerializationFailure)
    assert numbers(behind) == [(1, 0)]


def test_runs_many_again_all_of_them(
    endpoint: Endpoint, served: DatabaseWrapper, second: DatabaseWrapper, behind: Behind
) -> None:
    endpoint.control.set(conflicts=2)
    with tally() as counted, served.cursor() as cursor:
        cursor.executemany(INSERT, [(n, n) for n in range(2, 5)])
    assert counted.conflicts == 2
    change_schema(second)
    with tally() as counted, served.cursor() as cursor:
        cursor.executemany(INSERT, [(5, 5)])
    assert counted.conflicts == 1
    assert numbers(behind) == [(1, 0), (2, 2), (3, 3), (4, 4), (5, 5)]


def test_stores_nothing_of_many_when_one_fails(served: DatabaseWrapper, behind: Behind) -> None:
    with pytest.raises(IntegrityError), served.cursor() as cursor:
        cursor.executemany(INSERT, [(2, 2), (1, 1)])
    assert numbers(behind) == [(1, 0)]
    execute(served, "UPDATE seat SET n = 9")
    assert numbers(behind) == [(1, 9)]


@pytest.fixture
def begun(served: DatabaseWrapper) -> Iterator[dict[str, Callable[[], None]]]:
    """Ways to begin a transaction."""

    def by_hand() -> None:
        execute(served, "BEGIN ISOLATION LEVEL REPEATABLE READ")

    def without_autocommit() -> None:
        served.set_autocommit(False)

    yield {"by hand": by_hand, "without autocommit": without_autocommit}
    if not served.autocommit:
        served.rollback()
        served.set_autocommit(True)


@pytest.mark.parametrize("way", ["by hand", "without autocommit"])
@pytest.mark.parametrize("many", [False, True])
def test_does_not_run_a_part_of_a_transaction_again(
    served: DatabaseWrapper,
    second: DatabaseWrapper,
    begun: dict[str, Callable[[], None]],
    way: str,
    many: bool,
) -> None:
    def write() -> None:
        with served.cursor() as cursor:
            if many:
                cursor.executemany(INSERT, [(2, 2)])
            else:
                cursor.execute(INSERT, (2, 2))

    begun[way]()
    execute(served, "SELECT 1")
    change_schema(second)
    with tally() as counted, pytest.raises(OperationalError, match="OC001"):
        write()
    assert counted.conflicts == 0


def test_leaves_a_conflict_in_a_transaction_to_the_retry_around_it(
    endpoint: Endpoint, served: DatabaseWrapper, second: DatabaseWrapper, behind: Behind
) -> None:
    runs = []

    @occ_retry(using=ALIAS)
    def sell() -> None:
        runs.append("sell")
        execute(served, "UPDATE seat SET n = n + 1")
        if len(runs) == 1:
            change_schema(second)
        execute(served, "SELECT n FROM seat")

    endpoint.control.set(conflicts=1)
    with tally() as counted:
        sell()
    # The schema changed, then a conflict at COMMIT; each ran the whole body again.
    assert len(runs) == counted.attempts == 3
    assert counted.conflicts == 2
    assert numbers(behind) == [(1, 1)]


def test_lets_a_conflict_out_of_atomic(endpoint: Endpoint, served: DatabaseWrapper) -> None:
    endpoint.control.set(conflicts=1)
    with pytest.raises(OperationalError, match="OC000"), transaction.atomic(using=ALIAS):
        execute(served, "UPDATE seat SET n = n + 1")
