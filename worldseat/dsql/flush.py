"""Emptying tables without TRUNCATE, at most 3,000 rows in a transaction."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django.db import transaction

from worldseat.dsql.batches import in_steps
from worldseat.dsql.catalog import Catalog
from worldseat.dsql.limits import ROWS

__all__ = ["delete_all_rows", "in_order_of_deletion"]

_DELETE = re.compile(r'DELETE FROM "((?:[^"]|"")*)";?')


def in_order_of_deletion(connection: Any, tables: Iterable[str]) -> list[str]:
    """Return tables so that those which refer to others come first."""
    catalog = Catalog(connection)
    left = dict.fromkeys(tables)
    referring = {
        table: {found.table for found in catalog.references(table)} - {table} for table in left
    }
    ordered: list[str] = []
    while left:
        free = [table for table in left if not referring[table] & left.keys()]
        # A circle: first one that can be freed of what refers to it. Deferred foreign keys are
        # looked at when the step commits.
        for table in free or [_freest(catalog, left)]:
            ordered.append(table)
            del left[table]
    return ordered


def _freest(catalog: Catalog, tables: Iterable[str]) -> str:
    """Return a table that others of these refer to by columns that may be NULL, or any."""
    among = list(tables)
    for table in among:
        references = [each for each in catalog.references(table) if each.table in among]
        if all(_may_be_null(catalog, each.table, each.columns[0]) for each in references):
            return table
    return among[0]


def delete_all_rows(connection: Any, statements: list[str]) -> None:
    """Run the statements of `sql_flush`; the deletions in as many steps as they need.

    Rows that refer to rows of the same table, or in a circle, are freed first where the column
    may be NULL.
    """
    tables = [match[1].replace('""', '"') for sql in statements if (match := _DELETE.match(sql))]
    if not _in_one_transaction(connection, tables):
        for number, table in enumerate(tables):
            _free(connection, table, tables[number:])
            in_steps(
                connection,
                table=connection.ops.quote_name(table),
                key=_key(connection, table),
                statement=f"DELETE FROM {connection.ops.quote_name(table)} WHERE {{bounds}}",
            )
    for sql in statements:
        if not _DELETE.match(sql):
            with connection.cursor() as cursor:
                cursor.execute(sql)


def _in_one_transaction(connection: Any, tables: list[str]) -> bool:
    """Delete all in one transaction where the limit allows it: then no order matters."""
    quote = connection.ops.quote_name
    left, filled = ROWS, []
    for table in tables:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT count(*) FROM (SELECT 1 FROM {quote(table)} LIMIT {left + 1}) n"
            )
            [rows] = cursor.fetchone()
        if rows:
            filled.append(table)
        left -= rows
        if left < 0:
            return False
    if filled:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            for table in filled:
                cursor.execute(f"DELETE FROM {quote(table)}")
    return True


def _free(connection: Any, table: str, full: list[str]) -> None:
    """Let no row of the tables that are still full refer to a table, as far as it may be NULL."""
    quote, catalog = connection.ops.quote_name, Catalog(connection)
    for reference in catalog.references(table):
        if reference.table not in full or not (key := _key(connection, reference.table)):
            continue
        for column in reference.columns:
            if _may_be_null(catalog, reference.table, column):
                in_steps(
                    connection,
                    table=quote(reference.table),
                    key=key,
                    statement=f"UPDATE {quote(reference.table)} SET {quote(column)} = NULL "
                    f"WHERE {quote(column)} IS NOT NULL AND {{bounds}}",
                )


def _may_be_null(catalog: Catalog, table: str, column: str) -> bool:
    """Say whether a column takes NULL: a CHECK stands in for NOT NULL where that came later."""
    if catalog.columns(table)[column].not_null:
        return False
    return catalog.not_null_check(table, column) is None


def _key(connection: Any, table: str) -> list[str]:
    constraints = Catalog(connection).constraints(table).values()
    quote = connection.ops.quote_name
    return [quote(name) for each in constraints if each.kind == "p" for name in each.columns]
