"""What a schema means, whichever statements made it: to compare DSQL's with PostgreSQL's."""

from __future__ import annotations

import re
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

__all__ = ["Facts", "facts"]

Facts = dict[str, set[tuple[Any, ...]]]

_COLUMNS = """
    SELECT t.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
           a.attidentity <> '', pg_get_expr(d.adbin, d.adrelid)
    FROM pg_attribute a JOIN pg_class t ON t.oid = a.attrelid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE t.relkind = 'r' AND t.relnamespace = current_schema()::regnamespace
      AND a.attnum > 0 AND NOT a.attisdropped
"""
_CONSTRAINTS = """
    SELECT t.relname, c.contype::text, pg_get_constraintdef(c.oid), c.convalidated
    FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
    WHERE t.relnamespace = current_schema()::regnamespace AND c.contype IN ('c', 'f', 'p', 'u')
"""
_INDEXES = """
    SELECT t.relname, i.relname, x.indisunique, x.indisvalid, pg_get_indexdef(x.indexrelid)
    FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
    WHERE t.relnamespace = current_schema()::regnamespace AND NOT x.indisprimary
"""
_NOT_NULL = re.compile(r'CHECK \(\("?(\w+)"? IS NOT NULL\)\)')
# An AutoField is a bigint on DSQL, and so is what refers to one; an address is text there.
_SAME = {"integer": "whole", "smallint": "whole", "bigint": "whole", "inet": "varying(39)"}


def facts(connection: BaseDatabaseWrapper) -> Facts:
    """Return columns, constraints and indexes by table, in one spelling for both servers."""
    found: Facts = {}
    required: set[tuple[str, str]] = set()
    with connection.cursor() as cursor:
        cursor.execute(_CONSTRAINTS)
        for table, kind, definition, validated in cursor.fetchall():
            if match := _NOT_NULL.fullmatch(definition):
                assert validated
                required.add((table, match[1]))
            else:
                _add(found, table, ("constraint", kind, definition, validated))
        cursor.execute(_COLUMNS)
        for table, name, kind, not_null, identity, default in cursor.fetchall():
            row = ("column", name, _kind(kind), not_null or (table, name) in required, identity)
            found.setdefault(table, set()).add((*row, default))
        cursor.execute(_INDEXES)
        for table, name, unique, valid, definition in cursor.fetchall():
            if not name.endswith("_like"):
                body = definition.partition(" USING btree ")[2].replace(" DESC", "")
                _add(found, table, ("index", unique, valid, body))
    return found


def _add(found: Facts, table: str, row: tuple[Any, ...]) -> None:
    rows = found.setdefault(table, set())
    rows.add(("twice", *row) if row in rows else row)


def _kind(kind: str) -> str:
    kind = kind.replace("character ", "")
    return _SAME.get(kind, kind)
