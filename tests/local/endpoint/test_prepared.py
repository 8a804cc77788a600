"""A prepared statement is there, whatever became of the first one that ran it."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg import errors, generators, pq

from tests.helpers.endpoints import Connect
from worldseat.local.endpoint.launch import Endpoint


def pipeline(
    connection: psycopg.Connection[Any], *commands: tuple[str, str, list[bytes]]
) -> list[pq.ExecStatus]:
    """Send (name, SQL to prepare or nothing, values) with one Sync; return each answer's status."""
    pgconn = connection.pgconn
    pgconn.enter_pipeline_mode()
    expected = 0
    for name, sql, values in commands:
        if sql:
            pgconn.send_prepare(name.encode(), sql.encode())
        pgconn.send_query_prepared(name.encode(), values)
        expected += 2 if sql else 1
    pgconn.pipeline_sync()

    def fetched() -> Any:
        yield from generators.send(pgconn)
        found = []
        for _ in range(expected):
            found += yield from generators.fetch_many(pgconn)
        yield from generators.fetch_many(pgconn)
        return found

    statuses = [result.status for result in connection.wait(fetched())]
    pgconn.exit_pipeline_mode()
    return statuses


OK, FATAL, SKIPPED = (
    pq.ExecStatus.COMMAND_OK,
    pq.ExecStatus.FATAL_ERROR,
    pq.ExecStatus.PIPELINE_ABORTED,
)


def test_after_a_write_that_was_answered_without_being_made(
    connect: Connect, east: Endpoint, west: Endpoint, table: str, backend_url: str
) -> None:
    with psycopg.connect(backend_url, autocommit=True) as connection:
        connection.execute(f"CREATE TABLE order_of_{table} (id int PRIMARY KEY, buyer text)")
    first, second = connect(east), connect(west)
    sell = f"UPDATE {table} SET state = 'sold', buyer = $1 WHERE id = 1"
    order = f"INSERT INTO order_of_{table} (id, buyer) VALUES (1, $1)"
    second.execute(f"SELECT * FROM {table}")
    first.execute(f"UPDATE {table} SET buyer = 'a' WHERE id = 1")
    first.commit()
    # The first write is lost to a commit since the snapshot, the second follows it in vain.
    assert pipeline(second, ("sell", sell, [b"b"]), ("order", order, [b"b"])) == [OK] * 4
    with pytest.raises(errors.SerializationFailure, match="OC000"):
        second.commit()
    second.execute("SELECT 1")
    assert pipeline(second, ("sell", "", [b"b"]), ("order", "", [b"b"])) == [OK] * 2
    second.commit()


def test_after_an_error_of_the_statement(connect: Connect, east: Endpoint, table: str) -> None:
    connection = connect(east, autocommit=True)
    add = f"INSERT INTO {table} (id, state) VALUES ($1, 'available')"
    assert pipeline(connection, ("add", add, [b"1"])) == [OK, FATAL]  # there is one already
    assert pipeline(connection, ("add", "", [b"77"])) == [OK]


def test_not_after_an_error_before_it(connect: Connect, east: Endpoint, table: str) -> None:
    connection = connect(east, autocommit=True)
    add = f"INSERT INTO {table} (id, state) VALUES ($1, 'available')"
    look = f"SELECT * FROM {table} WHERE id = $1"
    found = pipeline(connection, ("add", add, [b"1"]), ("look", look, [b"1"]))
    assert found == [OK, FATAL, SKIPPED, SKIPPED]
    assert pipeline(connection, ("look", look, [b"1"])) == [OK, pq.ExecStatus.TUPLES_OK]
