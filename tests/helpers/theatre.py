"""Tables that `make` has made: changed by the schema editor, filled and looked at from behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
from django.db import models

from worldseat.dsql.base import DatabaseWrapper

__all__ = ["ALIAS", "Behind", "Make", "add", "alter", "definitions", "field_of", "fill"]

ALIAS = "served"

Make = Callable[..., type[models.Model]]
Behind = psycopg.Connection[Any]


def field_of(model: type[models.Model], name: str, field: models.Field[Any, Any]) -> Any:
    """Return a field as it would be on the model."""
    field.set_attributes_from_name(name)
    field.model = model
    return field


def add(served: DatabaseWrapper, model: type[models.Model], name: str, field: Any) -> None:
    """Add a field to the model's table."""
    with served.schema_editor() as editor:
        editor.add_field(model, field_of(model, name, field))


def alter(served: DatabaseWrapper, model: type[models.Model], name: str, field: Any) -> None:
    """Change a field of the model's table."""
    with served.schema_editor() as editor:
        old: Any = model._meta.get_field(name)
        editor.alter_field(model, old, field_of(model, name, field))


def fill(behind: Behind, table: str, rows: int) -> None:
    """Give a table with a counting key and a `row` as many rows."""
    behind.execute(
        f"INSERT INTO {table} (row) SELECT 'r' || n FROM generate_series(1, %s) n",  # noqa: S608 - ours
        [rows],
    )


def definitions(behind: Behind, table: str) -> list[str]:
    """Return the indexes and constraints of a table, as PostgreSQL writes them."""
    rows = behind.execute(
        "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = %(t)s::regclass "
        "UNION SELECT pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE conrelid = %(t)s::regclass AND contype <> 'n'",
        {"t": table},
    )
    return sorted(row[0] for row in rows)
