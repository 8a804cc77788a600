"""Reading the schema back: DSQL's catalog differs in places from PostgreSQL's."""

from __future__ import annotations

import re
from typing import Any

from django.db.backends.postgresql import introspection as postgresql
from django.db.models import Index

__all__ = ["DatabaseIntrospection"]

_NOT_NULL = re.compile(r'CHECK \(\("?(.+?)"? IS NOT NULL\)\)')

# DSQL's own access method; a PostgreSQL in its place says "btree".
_BTREES = frozenset({"btree", "btree_index"})


class DatabaseIntrospection(postgresql.DatabaseIntrospection):
    """Introspection that knows NOT NULL by its CHECK, and DSQL's name for a B-tree."""

    connection: Any

    def get_table_description(self, cursor: Any, table_name: str) -> list[Any]:
        """Return the columns; one with a validated CHECK (c IS NOT NULL) takes no NULL."""
        description = super().get_table_description(cursor, table_name)
        if not self.connection.uses_iam:
            return description
        cursor.execute(
            """
            SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c
            JOIN pg_class t ON t.oid = c.conrelid
            WHERE t.relname = %s AND pg_catalog.pg_table_is_visible(t.oid)
              AND c.contype = 'c' AND c.convalidated
            """,
            [table_name],
        )
        required = {
            match[1] for (text,) in cursor.fetchall() if (match := _NOT_NULL.fullmatch(text))
        }
        return [
            column._replace(null_ok=column.null_ok and column.name not in required)
            for column in description
        ]

    def get_constraints(self, cursor: Any, table_name: str) -> dict[str, Any]:
        """Return constraints and indexes, without the CHECKs that stand for NOT NULL."""
        found: dict[str, Any] = super().get_constraints(cursor, table_name)
        if not self.connection.uses_iam:
            return found
        cursor.execute(
            """
            SELECT c.conname, c.contype, pg_get_constraintdef(c.oid) FROM pg_constraint c
            JOIN pg_class t ON t.oid = c.conrelid
            WHERE t.relname = %s AND pg_catalog.pg_table_is_visible(t.oid)
              AND c.contype IN ('c', 'n')
            """,
            [table_name],
        )
        for name, kind, text in cursor.fetchall():
            # PostgreSQL 18 lists NOT NULL among the constraints too.
            if kind == "n" or _NOT_NULL.fullmatch(text.removesuffix(" NOT VALID")):
                found.pop(name, None)
        for constraint in found.values():
            if constraint["index"] and constraint["type"] in _BTREES:
                constraint["type"] = Index.suffix
                # There is no other order, and Django reads none off an index that is no "btree".
                constraint["orders"] = ["ASC"] * len(constraint["orders"] or constraint["columns"])
        return found
