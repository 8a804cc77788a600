"""OC001 after a change of the schema in another session, and the asynchronous statements."""

from __future__ import annotations

import pytest
from psycopg import errors

from tests.helpers.endpoints import Connect, settled
from worldseat.local.endpoint.launch import Endpoint


def test_tells_other_sessions_once(
    connect: Connect, east: Endpoint, west: Endpoint, table: str
) -> None:
    changing, other = connect(east, autocommit=True), connect(west, autocommit=True)
    settled(other, "SELECT 1")
    changing.execute(f"CREATE TABLE {table}_new (id int PRIMARY KEY)")
    with pytest.raises(errors.SerializationFailure, match=r"schema has been updated.*\(OC001\)"):
        other.execute("SELECT 1")
    assert other.execute("SELECT 1").fetchone() == (1,)
    assert changing.execute("SELECT 1").fetchone() == (1,)


def test_fails_a_transaction_that_was_open(
    connect: Connect, east: Endpoint, west: Endpoint, table: str
) -> None:
    changing, other = connect(east, autocommit=True), connect(west)
    settled(other, f"SELECT * FROM {table}")
    changing.execute(f"ALTER TABLE {table} ADD COLUMN extra text")  # waits for nobody
    with pytest.raises(errors.SerializationFailure, match="OC001"):
        other.execute(f"SELECT * FROM {table}")
    with pytest.raises(errors.InFailedSqlTransaction):
        other.execute("SELECT 1")
    other.rollback()
    assert len(other.execute(f"SELECT * FROM {table} LIMIT 1").description or ()) == 5


def test_fails_the_commit_of_what_was_written_before(
    connect: Connect, east: Endpoint, west: Endpoint, table: str
) -> None:
    changing, other = connect(east, autocommit=True), connect(west)
    settled(other, "SELECT 1")
    other.execute(f"UPDATE {table} SET buyer = 'a' WHERE id = 1")
    changing.execute(f"ALTER TABLE {table} ADD COLUMN extra text")
    with pytest.raises(errors.SerializationFailure, match="OC001"):
        other.commit()
    assert changing.execute(f"SELECT max(buyer) FROM {table}").fetchone() == (None,)


@pytest.mark.parametrize("prepared", [False, True])
def test_builds_an_index_in_a_job(
    connect: Connect, east: Endpoint, west: Endpoint, table: str, prepared: bool
) -> None:
    connection = connect(east, autocommit=True)
    cursor = connection.execute(
        f"CREATE UNIQUE INDEX ASYNC {table}_i ON {table} (code, id)", prepare=prepared
    )
    assert cursor.statusmessage == "CREATE INDEX"
    assert cursor.description is not None
    assert cursor.description[0].name == "job_id"
    (job,) = cursor.fetchone() or ("",)
    assert len(job) == 26
    wait = settled(connection, "CALL sys.wait_for_job(%s)", job, prepare=prepared)
    assert wait.fetchone() == (True,)
    elsewhere = settled(
        connect(west), f"SELECT status, job_type, object_name FROM sys.jobs WHERE job_id = '{job}'"
    )
    assert elsewhere.fetchone() == ("completed", "INDEX_BUILD", f"{table}_i")
    valid = settled(
        connection, f"SELECT indisvalid FROM pg_index WHERE indexrelid = '{table}_i'::regclass"
    )
    assert valid.fetchone() == (True,)


def test_leaves_an_invalid_index_when_keys_are_double(
    connect: Connect, east: Endpoint, table: str
) -> None:
    connection = connect(east, autocommit=True)
    created = connection.execute(f"CREATE UNIQUE INDEX ASYNC {table}_i ON {table} (state)")
    (job,) = created.fetchone() or ("",)
    assert settled(connection, f"CALL sys.wait_for_job('{job}')").fetchone() == (False,)
    row = settled(connection, f"SELECT status, details FROM sys.jobs WHERE job_id = '{job}'")
    status, details = row.fetchone() or ("", "")
    assert (status, "duplicate key" in details) == ("failed", True)
    valid = connection.execute(
        f"SELECT indisvalid FROM pg_index WHERE indexrelid = '{table}_i'::regclass"
    )
    assert valid.fetchone() == (False,)
    connection.execute(f"DROP INDEX {table}_i")


@pytest.mark.parametrize(("check", "succeeds"), [("id > 0", True), ("id > 2", False)])
def test_validates_a_constraint_in_a_job(
    connect: Connect, east: Endpoint, table: str, check: str, succeeds: bool
) -> None:
    connection = connect(east, autocommit=True)
    connection.execute(f'ALTER TABLE {table} ADD CONSTRAINT "a check" CHECK ({check}) NOT VALID')
    cursor = connection.execute(f'ALTER TABLE ASYNC {table} VALIDATE CONSTRAINT "a check"')
    assert cursor.statusmessage == "ALTER TABLE"
    (job,) = cursor.fetchone() or ("",)
    assert settled(connection, f"CALL sys.wait_for_job('{job}')").fetchone() == (succeeds,)
    found = settled(
        connection,
        "SELECT convalidated FROM pg_constraint WHERE conname = 'a check' "
        f"AND conrelid = '{table}'::regclass",
    )
    assert found.fetchone() == (succeeds,)
    row = settled(connection, f"SELECT details FROM sys.jobs WHERE job_id = '{job}'").fetchone()
    assert row is not None
    assert (row[0] is None) is succeeds


def test_refuses_to_wait_for_what_is_no_job(connect: Connect, east: Endpoint) -> None:
    connection = connect(east, autocommit=True)
    with pytest.raises(errors.InvalidTextRepresentation, match="Unable to convert text to UUID"):
        connection.execute("CALL sys.wait_for_job('nonsense')")


def test_refuses_an_index_that_exists(connect: Connect, east: Endpoint, table: str) -> None:
    connection = connect(east, autocommit=True)
    with pytest.raises(errors.DuplicateTable):
        connection.execute(f"CREATE INDEX ASYNC {table}_pkey ON {table} (id)")
    created = connection.execute(f"CREATE INDEX ASYNC IF NOT EXISTS {table}_pkey ON {table} (id)")
    (job,) = created.fetchone() or ("",)
    assert settled(connection, "CALL sys.wait_for_job(%s)", job).fetchone() == (True,)


def test_does_not_build_an_index_whose_statement_was_rolled_back(
    connect: Connect, east: Endpoint, table: str
) -> None:
    connection = connect(east)
    cursor = connection.execute(f"CREATE INDEX ASYNC {table}_i ON {table} (buyer)")
    (job,) = cursor.fetchone() or ("",)
    connection.rollback()
    row = settled(connection, f"SELECT count(*) FROM sys.jobs WHERE job_id = '{job}'").fetchone()
    assert row == (0,)


def test_builds_an_index_while_a_transaction_stays_open(
    connect: Connect, east: Endpoint, west: Endpoint, table: str
) -> None:
    building, sitting = connect(east, autocommit=True), connect(west)
    settled(sitting, f"SELECT * FROM {table}")
    created = building.execute(f"CREATE INDEX ASYNC {table}_i ON {table} (state)")
    (job,) = created.fetchone() or ("",)
    assert settled(building, f"CALL sys.wait_for_job('{job}')").fetchone() == (True,)
    with pytest.raises(errors.SerializationFailure, match="OC001"):
        sitting.commit()
