"""What the tests do with the table `probe`."""

from __future__ import annotations

from django.db import connection

__all__ = ["count", "insert", "read", "write"]


def read() -> int:
    """Return probe's n."""
    return _number("SELECT n FROM probe WHERE id = 1")


def write(n: int) -> None:
    """Set probe's n."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE probe SET n = %s WHERE id = 1", [n])


def insert(identity: int) -> None:
    """Add a row to probe."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO probe VALUES (%s, 0)", [identity])


def count() -> int:
    """Return how many rows probe has."""
    return _number("SELECT count(*) FROM probe")


def _number(sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        row: tuple[int] = cursor.fetchone()
        return row[0]
