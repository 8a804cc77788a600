"""Databases beside the one that Django's test runner makes, and that one made empty again."""

from __future__ import annotations

import functools
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import psycopg
from django.db import connection, connections

from worldseat.dsql.flush import in_order_of_deletion

Session = psycopg.Connection[tuple[Any, ...]]

# What `migrate` put there, and no test changes.
_KEPT = {"django_migrations", "django_content_type", "auth_permission"}


def url_of(name: str) -> str:
    """Return the URL of a database on the run's PostgreSQL."""
    return urlsplit(os.environ["WORLDSEAT_TEST_POSTGRES"])._replace(path=f"/{name}").geturl()


@contextmanager
def own_database(purpose: str) -> Iterator[str]:
    """Make a database on the run's PostgreSQL, yield its URL, and drop it."""
    server = os.environ["WORLDSEAT_TEST_POSTGRES"]
    name = f"{purpose}_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield url_of(name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def empty(using: str) -> None:
    """Delete the rows of all tables, as Django's `flush` does after a test that commits.

    Where nothing is left over, DELETE takes a fortieth of TRUNCATE's time; and what `migrate`
    fills in (content types, permissions) stays, instead of being made anew.
    """
    connection = connections[using]
    statements = _deletions(using, connection.settings_dict["NAME"])
    if connection.uses_iam:  # type: ignore[attr-defined] # our backend's
        connection.ops.execute_sql_flush(statements)
    else:
        with connection.cursor() as cursor:
            cursor.execute("".join(statements))


def waiting_for(table: str) -> int:
    """Return how many sessions wait for a lock on a table: in the test's own database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = %s::regclass "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            [table],
        )
        return int(cursor.fetchone()[0])


@functools.cache
def _deletions(using: str, name: str) -> list[str]:
    connection = connections[using]
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    ordered = in_order_of_deletion(connection, set(tables) - _KEPT)
    return [f"DELETE FROM {connection.ops.quote_name(table)};" for table in ordered]  # noqa: S608 # our own tables


def empty_schema(url: str) -> None:
    """Drop all that is in a database's schema."""
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("DROP SCHEMA public CASCADE")
        session.execute("CREATE SCHEMA public")
