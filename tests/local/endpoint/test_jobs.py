"""Jobs that lost who ran them: another one ends them."""

from __future__ import annotations

from typing import Any

import psycopg

from tests.helpers.endpoints import Connect, settled
from tests.helpers.waiting import wait_until
from worldseat.local.endpoint.launch import Endpoint

# The name of the lock at which a build stands still.
KEY = 7


def test_builds_again_what_was_cut_off(
    connect: Connect, east: Endpoint, backend_url: str, table: str
) -> None:
    connection = connect(east, autocommit=True)
    with psycopg.connect(backend_url, autocommit=True) as behind:
        behind.execute(
            f"CREATE FUNCTION {table}_waits(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql "
            f"AS 'BEGIN PERFORM pg_advisory_xact_lock_shared({KEY}); RETURN n; END'"
        )
        behind.execute(f"SELECT pg_advisory_lock({KEY})")  # until this session ends
        job = submit(connection, f"CREATE INDEX ASYNC {table}_i ON {table} ({table}_waits(id))")
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
    """End the session that builds an index, once it waits in the middle of it."""

    def building() -> list[Any]:
        query = f"CREATE INDEX CONCURRENTLY {index} %"
        return behind.execute(
            "SELECT pid FROM pg_stat_activity WHERE wait_event = 'advisory' AND query LIKE %s",
            [query],
        ).fetchall()

    wait_until(lambda: bool(building()), what="the job has begun")
    behind.execute("SELECT pg_terminate_backend(%s, 5000)", building()[0])
