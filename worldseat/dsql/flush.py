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
        # A circle: any one first; deferred foreign keys are looked at when the step commits.
        for table in free or [next(iter(left))]:
            ordered.append(table)
            del left[table]
    return ordered


def delete_all_rows(connection: Any, statements: list[str]) -> None:
    """Run the statements of `sql_flush`; the deletions in as many steps as they need.

    Rows that refer to rows of the same table, or in a circle, are freed first where the column
    may be NULL.
    """
    tables = [match[1].replace('""', '"') for sql in statements if (match := _DELETE.match(sql))]
    small = _in_one_transaction(connection, tables)
    for sql in statements:
        match = _DELETE.match(sql)
        if not match:
            with connection.cursor() as cursor:
                cursor.execute(sql)
        elif not small:
            _empty(connection, match[1].replace('""', '"'))


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


def _empty(connection: Any, table: str) -> None:
    quote = connection.ops.quote_name
    catalog = Catalog(connection)
    columns = catalog.columns(table)
    constraints = catalog.constraints(table).values()
    key = [quote(name) for each in constraints if each.kind == "p" for name in each.columns]
    for constraint in constraints:
        name = constraint.columns[0]
        if constraint.kind == "f" and not columns[name].not_null and key:
            in_steps(
                connection,
                table=quote(table),
                key=key,
                statement=f"UPDATE {quote(table)} SET {quote(name)} = NULL "
                f"WHERE {quote(name)} IS NOT NULL AND {{bounds}}",
            )
    in_steps(
        connection,
        table=quote(table),
        key=key,
        statement=f"DELETE FROM {quote(table)} WHERE {{bounds}}",
    )
