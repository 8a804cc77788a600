"""What is too large: columns, rows, keys, and what SQL computes for a transaction."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors

from tests.helpers.endpoints import Connect, settled
from worldseat.local.endpoint.launch import Endpoint

MEBIBYTE = 2**20


@pytest.fixture
def document(connect: Connect, east: Endpoint, table: str) -> str:
    """A table with room: a key and three texts."""
    name = f"{table}_doc"
    sql = f"CREATE TABLE {name} (key text PRIMARY KEY, a text, b text, c json)"
    settled(connect(east, autocommit=True), sql)
    return name


TOO_LARGE = [
    ("INSERT INTO {t} (key, a) VALUES ('k', %(big)s)", 1, "maximum column size exceeded"),
    ("INSERT INTO {t} (key, c) VALUES ('k', to_json(%(big)s::text))", 1, "maximum column size"),
    ("INSERT INTO {t} (key, a) VALUES ('k', repeat('x', 1048577))", 0, "maximum column size"),
    ("UPDATE {t} SET a = repeat(a, 1048577)", 0, "maximum column size exceeded"),
    (
        "INSERT INTO {t} VALUES ('k', repeat('x', 900000), repeat('y', 900000), "
        "to_json(repeat('z', 900000)))",
        0,
        "maximum row size exceeded",
    ),
    ("INSERT INTO {t} (key) SELECT repeat('k', 1025)", 0, "key size too large"),
    (
        "INSERT INTO {t} (key) SELECT string_agg(md5(n::text), '') FROM generate_series(1, 90) n",
        0,
        "key size too large",
    ),
]


@pytest.mark.parametrize(("sql", "mebibytes", "said"), TOO_LARGE)
@pytest.mark.parametrize("autocommit", [False, True])
def test_refuses_what_is_too_large(
    connect: Connect,
    east: Endpoint,
    document: str,
    sql: str,
    mebibytes: int,
    said: str,
    autocommit: bool,
) -> None:
    connection = connect(east, autocommit=autocommit)
    connection.execute(f"INSERT INTO {document} (key, a) VALUES ('small', 'x')")
    connection.commit()
    big = "x" * (mebibytes * MEBIBYTE + 1)
    with pytest.raises(errors.ProgramLimitExceeded, match=said):
        connection.execute(sql.format(t=document), {"big": big} if mebibytes else None)
    connection.rollback()
    found = connection.execute(f"SELECT key, a FROM {document}").fetchall()
    assert found == [("small", "x")]


def test_takes_what_is_just_small_enough(connect: Connect, east: Endpoint, document: str) -> None:
    connection = connect(east)
    key, large = "k" * 1024, "x" * MEBIBYTE
    connection.execute(f"INSERT INTO {document} (key, a) VALUES (%s, %s)", [key, large])
    connection.commit()


@pytest.mark.parametrize("autocommit", [False, True])
def test_weighs_what_a_query_inserts(
    connect: Connect, east: Endpoint, document: str, autocommit: bool
) -> None:
    connection = connect(east, autocommit=autocommit)
    insert = f"INSERT INTO {document} (key, a) SELECT 'k' || n, repeat('x', 500000) "
    connection.execute(insert + "FROM generate_series(1, 20) n")
    connection.commit()

    def copy() -> None:
        connection.execute(f"INSERT INTO {document} (key, a) SELECT 'c' || key, a FROM {document}")
        connection.execute(f"INSERT INTO {document} (key, a) SELECT 'd' || key, a FROM {document}")
        connection.commit()

    with pytest.raises(errors.ProgramLimitExceeded, match="transaction size limit 10mb exceeded"):
        copy()


def test_lets_a_role_write_what_it_may_not_read(
    connect: Connect, east: Endpoint, document: str
) -> None:
    admin = connect(east, autocommit=True)
    for sql in (
        f"CREATE ROLE {document}_app WITH LOGIN",
        f"AWS IAM GRANT {document}_app TO '{east.arn}'",
        f"GRANT INSERT ON {document} TO {document}_app",
    ):
        settled(admin, sql)
    writer: psycopg.Connection[tuple[object, ...]] = connect(east, user=f"{document}_app")
    writer.execute(f"INSERT INTO {document} (key, a) VALUES ('k', %s)", ["x" * 2000])
    writer.commit()
    assert admin.execute(f"SELECT length(a) FROM {document}").fetchone() == (2000,)
