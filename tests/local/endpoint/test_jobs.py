"""Jobs that lost who ran them: another one ends them."""

from __future__ import annotations

import time
from typing import Any

import psycopg

from tests.local.endpoint.conftest import Connect, settled
from worldseat.local.endpoint.launch import Endpoint


def test_builds_again_what_was_cut_off(
    connect: Connect, east: Endpoint, backend_url: str, table: str
) -> None:
    connection = connect(east, autocommit=True)
    with psycopg.connect(backend_url, autocommit=True) as behind:
        behind.execute(
            f"CREATE FUNCTION {table}_slow(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql "
            f"AS 'BEGIN PERFORM pg_sleep(0.2); RETURN n; END'"
        )
        job = submit(connection, f"CREATE INDEX ASYNC {table}_i ON {table} ({table}_slow(id))")
        named = settled(connection, "SELECT object_name FROM sys.jobs WHERE job_id = %s", job)
        assert named.fetchone() == (f"{table}_i",)  # told while it is running
        cut_off(behind, f"{table}_i")
    assert waited_for(connection, job)
    assert is_valid(connection, f"{table}_i")


def test_ends_what_was_built_and_not_noted(
    connect: Connect, east: Endpoint, backend_url: str, table: str
) -> None:
    connection = connect(east, autocommit=True)
    job = submit(connection, f"CREATE INDEX ASYNC {table}_i ON {table} (state)")
    assert waited_for(connection, job)
    with psycopg.connect(backend_url) as behind:
        behind.execute("UPDATE sys.jobs SET status = 'processing' WHERE job_id = %s", [job])
    assert waited_for(connection, job)
    row = settled(connection, f"SELECT status, details FROM sys.jobs WHERE job_id = '{job}'")
    assert row.fetchone() == ("completed", None)


def submit(connection: psycopg.Connection[Any], sql: str) -> str:
    (job,) = settled(connection, sql).fetchone() or ("",)
    return str(job)


def waited_for(connection: psycopg.Connection[Any], job: str) -> bool:
    (succeeded,) = settled(connection, f"CALL sys.wait_for_job('{job}')").fetchone() or (None,)
    return succeeded is True


def is_valid(connection: psycopg.Connection[Any], index: str) -> bool:
    found = settled(
        connection, f"SELECT indisvalid FROM pg_index WHERE indexrelid = '{index}'::regclass"
    )
    return found.fetchone() == (True,)


def cut_off(behind: psycopg.Connection[Any], index: str) -> None:
    """End the session that builds an index, once it has begun to."""
    until = time.monotonic() + 30
    building = "SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query LIKE %s"
    while not (
        row := behind.execute(building, [f"CREATE INDEX CONCURRENTLY {index} %"]).fetchone()
    ):
        assert time.monotonic() < until, "the job has not begun"
    behind.execute("SELECT pg_terminate_backend(%s, 5000)", row)
