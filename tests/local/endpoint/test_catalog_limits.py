"""How many tables, schemas, columns, indexes and connections there may be."""

from __future__ import annotations

import contextlib

import psycopg
import pytest
from psycopg import errors

from tests.helpers.endpoints import Connect, parameters, settled
from tests.helpers.waiting import wait_until
from worldseat.local.endpoint.control import ControlFailed
from worldseat.local.endpoint.launch import Endpoint


def columns(number: int) -> str:
    return ", ".join(f"c{n} int" for n in range(number))


REFUSED = [
    ("CREATE TABLE {t}_n (" + columns(256) + ")", "54011", "at most 255 columns"),
    ("ALTER TABLE {t}_wide ADD COLUMN more int", "54011", "at most 255 columns"),
    (
        "CREATE TABLE {t}_n (" + columns(9) + ", PRIMARY KEY (c0,c1,c2,c3,c4,c5,c6,c7,c8))",
        "54011",
        "more than 8 column keys in an index",
    ),
    ("CREATE INDEX ASYNC ON {t}_wide (c0,c1,c2,c3,c4,c5,c6,c7,c8)", "54011", "more than 8 column"),
    (
        "CREATE TABLE {t}_n (" + ", ".join(f"c{n} int UNIQUE" for n in range(25)) + ")",
        "54000",
        "more than 24 indexes per table are not allowed",
    ),
]


@pytest.mark.parametrize(("sql", "code", "said"), REFUSED)
def test_refuses_more_than_a_table_may_have(
    connect: Connect, east: Endpoint, table: str, sql: str, code: str, said: str
) -> None:
    connection = connect(east, autocommit=True)
    settled(connection, f"CREATE TABLE {table}_wide ({columns(255)})")
    with pytest.raises(psycopg.Error, match=said) as refused:
        settled(connection, sql.format(t=table))
    assert refused.value.sqlstate == code
    found = connection.execute(
        f"SELECT to_regclass('{table}_n'), count(*) FROM pg_attribute "
        f"WHERE attrelid = '{table}_wide'::regclass AND attnum > 0"
    )
    assert found.fetchone() == (None, 255)


def test_refuses_more_schemas_and_tables_than_a_cluster_may_have(
    connect: Connect, east: Endpoint, table: str
) -> None:
    connection = connect(east, autocommit=True)
    counted = settled(
        connection,
        "SELECT (SELECT count(*) FROM pg_tables WHERE schemaname !~ '^(pg_|sys|information)'), "
        "(SELECT count(*) FROM pg_namespace WHERE nspname !~ '^(pg_|sys|information)')",
    )
    tables, schemas = counted.fetchone() or (0, 0)
    east.control.limit(tables=tables + 1, schemas=schemas + 1)
    connection.execute(f"CREATE SCHEMA {table}_s1")
    with pytest.raises(errors.ProgramLimitExceeded, match=r"more than \d+ schemas not allowed"):
        connection.execute(f"CREATE SCHEMA {table}_s2")
    connection.execute(f"DROP SCHEMA {table}_s1")
    connection.execute(f"CREATE TABLE {table}_1 (id int PRIMARY KEY)")
    with pytest.raises(errors.ProgramLimitExceeded, match=r"creating more than \d+ tables not"):
        connection.execute(f"CREATE TABLE {table}_2 (id int PRIMARY KEY)")
    connection.execute(f"DROP TABLE {table}_1")
    connection.execute(f"CREATE TABLE {table}_2 (id int PRIMARY KEY)")


def let_in_at_last(connect: Connect, endpoint: Endpoint) -> None:
    def is_let_in() -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            connect(endpoint)
            return True
        return False

    wait_until(is_let_in, what="somebody is let in again")


def test_counts_open_connections(connect: Connect, east: Endpoint) -> None:
    kept = connect(east)
    east.control.limit(connections=1)
    with pytest.raises(psycopg.OperationalError, match="too many open connections"):
        psycopg.connect(**parameters(east))
    kept.close()
    let_in_at_last(connect, east)


def test_counts_new_connections(connect: Connect, east: Endpoint) -> None:
    east.control.unlimit()  # what was connected before is forgotten
    east.control.limit(connection_rate=0, connection_burst=3)
    for _ in range(3):
        connect(east).close()
    with pytest.raises(psycopg.OperationalError, match="rate exceeded"):
        psycopg.connect(**parameters(east))
    east.control.limit(connection_rate=1000)
    let_in_at_last(connect, east)


@pytest.mark.parametrize("limits", [{"rooms": 5}, {"tables": -1}, {"tables": True}])
def test_refuses_what_is_no_limit(east: Endpoint, limits: dict[str, int]) -> None:
    with pytest.raises(ControlFailed, match="limit"):
        east.control.limit(**limits)
