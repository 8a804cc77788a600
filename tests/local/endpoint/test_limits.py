"""The limits of a transaction."""

from __future__ import annotations

import time

import psycopg
import pytest
from psycopg import errors

from tests.helpers.endpoints import LIMITS, Connect
from worldseat.local.endpoint.launch import Endpoint
from worldseat.local.endpoint.limits import Limits

MANY = "INSERT INTO {} (id) SELECT n FROM generate_series(100, {}) n"


@pytest.mark.parametrize("autocommit", [False, True])
def test_refuses_more_than_3000_rows_at_the_statement(
    connect: Connect, east: Endpoint, table: str, autocommit: bool
) -> None:
    connection = connect(east, autocommit=autocommit)
    connection.execute(MANY.format(table, 3099))
    connection.commit()
    with pytest.raises(errors.ProgramLimitExceeded, match="transaction row limit exceeded"):
        connection.execute(f"UPDATE {table} SET buyer = 'a'")  # 3,004
    connection.rollback()
    with pytest.raises(errors.ProgramLimitExceeded):
        connection.execute(f"DELETE FROM {table}")
    connection.rollback()
    assert connection.execute(f"SELECT count(*), max(buyer) FROM {table}").fetchone() == (
        3004,
        None,
    )


def test_adds_up_the_statements_of_a_transaction(
    connect: Connect, east: Endpoint, table: str
) -> None:
    connection = connect(east)
    connection.execute(MANY.format(table, 3097))
    connection.execute(f"UPDATE {table} SET buyer = 'a' WHERE id <= 2")
    with pytest.raises(errors.ProgramLimitExceeded):
        connection.execute(f"UPDATE {table} SET buyer = 'a' WHERE id = 3")


def test_counts_cascades_and_the_writes_in_a_query(
    connect: Connect, east: Endpoint, backend_url: str, table: str
) -> None:
    with psycopg.connect(backend_url) as behind:
        behind.execute(
            f"CREATE TABLE {table}_child (id int PRIMARY KEY, "
            f"parent int REFERENCES {table} ON DELETE CASCADE)"
        )
        behind.execute(f"INSERT INTO {table}_child SELECT n, 1 FROM generate_series(1, 3000) n")
    connection = connect(east)
    with pytest.raises(errors.ProgramLimitExceeded):
        connection.execute(f"DELETE FROM {table} WHERE id = 1")
    connection.rollback()
    with pytest.raises(errors.ProgramLimitExceeded):
        connection.execute(
            f"WITH a AS (UPDATE {table}_child SET parent = 2 RETURNING 1), "
            f"b AS (UPDATE {table} SET buyer = 'x' WHERE id = 1 RETURNING 1) SELECT 1"
        )


def test_refuses_more_than_10_mebibytes_at_commit(
    connect: Connect, east: Endpoint, table: str
) -> None:
    connection = connect(east)
    for letter in "abcdefghijk":
        connection.execute(f"UPDATE {table} SET buyer = %s WHERE id = 1", [letter * 2**20])
    with pytest.raises(errors.ProgramLimitExceeded, match="size limit 10mb exceeded"):
        connection.commit()
    assert connection.execute(f"SELECT buyer FROM {table} WHERE id = 1").fetchone() == (None,)


def test_ends_a_transaction_that_gets_too_old(
    connect: Connect, east: Endpoint, backend_url: str, table: str
) -> None:
    east.control.limit(transaction_seconds=1.0)
    connection = connect(east)
    connection.execute(f"UPDATE {table} SET buyer = 'slow' WHERE id = 1")
    with psycopg.connect(backend_url) as behind:  # waits until the endpoint lets go of the row
        behind.execute(f"UPDATE {table} SET buyer = 'quick' WHERE id = 1")
    with pytest.raises(errors.ProgramLimitExceeded, match="age limit of 300s exceeded"):
        connection.commit()
    east.control.unlimit()
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_ends_a_connection_that_gets_too_old(connect: Connect, east: Endpoint) -> None:
    east.control.limit(connection_seconds=0.5)
    connection = connect(east, autocommit=True)
    east.control.unlimit()

    def use() -> None:
        while True:
            connection.execute("SELECT 1")
            time.sleep(0.05)

    with pytest.raises(psycopg.OperationalError):
        use()
    assert connect(east).execute("SELECT 1").fetchone() == (1,)


def test_takes_limits_when_it_is_started(east: Endpoint) -> None:
    assert east.control.unlimit()["limits"]["transaction_seconds"] == LIMITS.transaction_seconds
    assert Limits().transaction_seconds != LIMITS.transaction_seconds
