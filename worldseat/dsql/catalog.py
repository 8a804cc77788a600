"""What is in the database already.

Every DDL statement commits by itself, so a migration that was stopped leaves what came before.
The schema editor looks here first and goes on from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Catalog", "Column", "Constraint", "Index"]

_TABLE = """
    t.relname = %s AND t.relkind IN ('r', 'p') AND pg_catalog.pg_table_is_visible(t.oid)
"""


@dataclass(frozen=True)
class Column:
    """A column of a table. `type` is spelt as PostgreSQL does: `character varying(30)`."""

    name: str
    type: str
    not_null: bool
    identity: bool
    generated: bool
    default: str | None


@dataclass(frozen=True)
class Constraint:
    """A constraint of a table; kind is a letter of pg_constraint.contype."""

    table: str
    name: str
    kind: str
    validated: bool
    columns: tuple[str, ...]
    definition: str


@dataclass(frozen=True)
class Index:
    """An index that belongs to no primary key."""

    name: str
    valid: bool
    definition: str
    columns: tuple[str, ...]


class Catalog:
    """Answers from pg_catalog, for the tables in the search path."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def columns(self, table: str) -> dict[str, Column]:
        """Return the columns of a table by name; none when there is no such table."""
        rows = self._rows(
            f"""
            SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
                   a.attidentity <> '', a.attgenerated <> '', pg_get_expr(d.adbin, d.adrelid)
            FROM pg_attribute a
            JOIN pg_class t ON t.oid = a.attrelid
            LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
            WHERE {_TABLE} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
            """,
            [table],
        )
        return {row[0]: Column(*row) for row in rows}

    def tables(self, names: Sequence[str]) -> list[str]:
        """Return those names that are tables."""
        marks = ", ".join(["%s"] * len(names))
        found = self._rows(
            f"SELECT t.relname FROM pg_class t WHERE t.relname IN ({marks}) "
            f"AND t.relkind IN ('r', 'p') AND pg_catalog.pg_table_is_visible(t.oid)",
            names,
        )
        return [name for (name,) in found]

    def constraints(self, table: str) -> dict[str, Constraint]:
        """Return the constraints of a table by name."""
        return {found.name: found for found in self._constraints("c.conrelid", table)}

    def references(self, table: str) -> list[Constraint]:
        """Return the foreign keys of all tables that refer to a table."""
        return [found for found in self._constraints("c.confrelid", table) if found.kind == "f"]

    def _constraints(self, side: str, table: str) -> list[Constraint]:
        rows = self._rows(
            f"""
            SELECT own.relname, c.conname, c.contype, c.convalidated,
                   ARRAY(SELECT a.attname FROM pg_attribute a
                         WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)),
                   pg_get_constraintdef(c.oid)
            FROM pg_constraint c
            JOIN pg_class t ON t.oid = {side}
            JOIN pg_class own ON own.oid = c.conrelid
            WHERE {_TABLE} AND c.contype IN ('c', 'f', 'p', 'u')
            """,
            [table],
        )
        return [
            Constraint(own, name, _text(kind), valid, tuple(columns), text)
            for own, name, kind, valid, columns, text in rows
        ]

    def index(self, table: str, name: str) -> Index | None:
        """Return one index of a table."""
        return self.indexes(table).get(name)

    def indexes(self, table: str) -> dict[str, Index]:
        """Return the indexes of a table by name, those of unique constraints too."""
        rows = self._rows(
            f"""
            SELECT i.relname, x.indisvalid, pg_get_indexdef(x.indexrelid),
                   ARRAY(SELECT a.attname FROM pg_attribute a
                         JOIN pg_depend d ON d.refobjid = a.attrelid AND d.refobjsubid = a.attnum
                         WHERE d.objid = x.indexrelid AND d.classid = 'pg_class'::regclass
                           AND d.refclassid = 'pg_class'::regclass
                         UNION
                         SELECT a.attname FROM pg_attribute a
                         WHERE a.attrelid = x.indrelid AND a.attnum = ANY (x.indkey))
            FROM pg_index x
            JOIN pg_class t ON t.oid = x.indrelid
            JOIN pg_class i ON i.oid = x.indexrelid
            WHERE {_TABLE} AND NOT x.indisprimary
            """,
            [table],
        )
        return {row[0]: Index(row[0], row[1], row[2], tuple(row[3])) for row in rows}

    def not_null_check(self, table: str, column: str) -> Constraint | None:
        """Return the CHECK that stands for NOT NULL on a column."""
        for found in self.constraints(table).values():
            if found.kind == "c" and _is_not_null_check(found, column):
                return found
        return None

    def _rows(self, sql: str, params: Sequence[object]) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql, params)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows


def _text(letter: str | bytes) -> str:
    # PostgreSQL's type "char" comes as bytes from some drivers.
    return letter.decode() if isinstance(letter, bytes) else letter


def _is_not_null_check(constraint: Constraint, column: str) -> bool:
    quoted = '"' + column.replace('"', '""') + '"'
    wanted = {f"CHECK (({name} IS NOT NULL))" for name in (column, quoted)}
    return constraint.definition.removesuffix(" NOT VALID") in wanted
