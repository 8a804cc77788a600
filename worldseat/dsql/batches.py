"""Change all rows of a table, at most 3,000 in a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from worldseat.dsql.limits import ROWS, TransactionTooLarge

__all__ = ["in_steps", "update_in_batches"]


def update_in_batches(
    connection: Any,
    *,
    table: str,
    key: Sequence[str],
    assignment: str,
    condition: str,
    params: Sequence[object] = (),
) -> int:
    """Run `UPDATE table SET assignment WHERE condition` in steps along the primary key.

    Each step is a transaction of its own, so an interrupted update goes on when it is run again,
    if `condition` leaves out the rows that are done. `params` are those of the assignment.
    Names and SQL are quoted by the caller. Returns the number of rows changed.
    """
    return in_steps(
        connection,
        table=table,
        key=key,
        statement=f"UPDATE {table} SET {assignment} WHERE ({condition}) AND {{bounds}}",
        params=params,
    )


def in_steps(
    connection: Any,
    *,
    table: str,
    key: Sequence[str],
    statement: str,
    params: Sequence[object] = (),
) -> int:
    """Run a statement for the rows of a table, 3,000 at a time along its primary key.

    `{bounds}` in the statement is where the condition goes that names a step's rows; `params`
    come before it. A step that is too large (10 MiB) is halved. Returns the rows changed.
    """
    keys = ", ".join(key)
    last: Sequence[object] | None = None
    size, changed = ROWS, 0
    while True:
        end = _end_of_step(connection, table, keys, last, size)
        if end is None:
            return changed
        bounds, values = _bounds(keys, last, end)
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement.replace("{bounds}", bounds), [*params, *values])
                changed += cursor.rowcount
        except TransactionTooLarge:
            if size == 1:
                raise
            size //= 2
            continue
        last = end


def _end_of_step(
    connection: Any, table: str, keys: str, last: Sequence[object] | None, size: int
) -> Sequence[object] | None:
    """Return the key of the last row of the next step, None after the last row."""
    after, values = _after(keys, last)
    step = f"SELECT {keys} FROM {table} {after} ORDER BY {keys} LIMIT {size:d}"
    descending = ", ".join(f"{name} DESC" for name in keys.split(", "))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {keys} FROM ({step}) step ORDER BY {descending} LIMIT 1", values)
        row: Sequence[object] | None = cursor.fetchone()
    return row


def _after(keys: str, last: Sequence[object] | None) -> tuple[str, list[object]]:
    if last is None:
        return "", []
    return f"WHERE ({keys}) > ({_placeholders(last)})", list(last)


def _bounds(
    keys: str, last: Sequence[object] | None, end: Sequence[object]
) -> tuple[str, list[object]]:
    below, values = f"({keys}) <= ({_placeholders(end)})", list(end)
    if last is None:
        return below, values
    return f"({keys}) > ({_placeholders(last)}) AND {below}", [*last, *values]


def _placeholders(values: Sequence[object]) -> str:
    return ", ".join(["%s"] * len(values))
