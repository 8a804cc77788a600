"""A row is deleted while another transaction makes a row that refers to it."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors

from tests.helpers.endpoints import Connect, settled
from worldseat.local.endpoint.launch import Endpoint

Connection = psycopg.Connection[tuple[object, ...]]
REFER = "INSERT INTO {}_child VALUES (9, 1)"
DELETE = "DELETE FROM {} WHERE id = 1"


@pytest.fixture(params=["NOT DEFERRABLE", "DEFERRABLE INITIALLY DEFERRED"])
def parent(
    request: pytest.FixtureRequest, table: str, connect: Connect, east: Endpoint
) -> Iterator[str]:
    """A table that another one, `<its name>_child`, refers to."""
    connection = connect(east, autocommit=True)
    settled(
        connection,
        f"CREATE TABLE {table}_child (id int PRIMARY KEY, "
        f"parent int REFERENCES {table} {request.param})",
    )
    yield table
    rows = connection.execute(
        f"SELECT count(*) FROM {table}_child LEFT JOIN {table} p ON p.id = parent "
        f"WHERE p.id IS NULL"
    )
    assert rows.fetchone() == (0,)  # nothing refers to nothing


@pytest.fixture
def deleting(connect: Connect, east: Endpoint) -> Connection:
    """Deletes the row."""
    return connect(east)


@pytest.fixture
def referring(connect: Connect, west: Endpoint) -> Connection:
    """Refers to it."""
    return connect(west)


def lose(connection: Connection) -> None:
    with pytest.raises(errors.SerializationFailure, match="OC000"):
        connection.commit()


def test_deleted_after_it_was_referred_to(
    parent: str, deleting: Connection, referring: Connection
) -> None:
    deleting.execute(f"SELECT * FROM {parent}")
    referring.execute(REFER.format(parent))
    referring.commit()
    assert deleting.execute(DELETE.format(parent)).rowcount == 1
    lose(deleting)


def test_referred_to_after_it_was_deleted(
    parent: str, deleting: Connection, referring: Connection
) -> None:
    referring.execute(f"SELECT * FROM {parent}")
    deleting.execute(DELETE.format(parent))
    deleting.commit()
    assert referring.execute(REFER.format(parent)).rowcount == 1
    lose(referring)


@pytest.mark.parametrize("deleted_first", [True, False])
def test_both_at_once_and_the_delete_commits_first(
    parent: str, deleting: Connection, referring: Connection, deleted_first: bool
) -> None:
    both(parent, deleting, referring, deleted_first)
    deleting.commit()
    lose(referring)


@pytest.mark.parametrize("deleted_first", [True, False])
def test_both_at_once_and_the_reference_commits_first(
    parent: str, deleting: Connection, referring: Connection, deleted_first: bool
) -> None:
    both(parent, deleting, referring, deleted_first)
    referring.commit()
    lose(deleting)


def both(parent: str, deleting: Connection, referring: Connection, deleted_first: bool) -> None:
    if deleted_first:
        deleting.execute(DELETE.format(parent))
    referring.execute(REFER.format(parent))
    if not deleted_first:
        deleting.execute(DELETE.format(parent))


def test_is_a_violation_where_the_reference_is_seen(
    parent: str, deleting: Connection, referring: Connection
) -> None:
    referring.execute(REFER.format(parent))
    referring.commit()

    def delete() -> None:
        deleting.execute(DELETE.format(parent))
        deleting.commit()

    with pytest.raises(errors.ForeignKeyViolation):
        delete()
