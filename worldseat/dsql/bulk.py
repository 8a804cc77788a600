"""Changing many rows: in steps of at most 3,000, each with a transaction of its own.

Django's bulk_create, bulk_update, update() and delete() put everything into one transaction; on
DSQL that ends at 3,000 rows and 10 MiB. These functions commit step by step: what is done stays
when a later step fails. A step that loses a conflict runs again; one that turns out too large
(10 MiB, or what cascades) is halved. A single row that takes too many with it cannot be: delete
what refers to it first. Unlike Django's, `update` and `delete` take a slice: `rows[:500]`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, TypeVar

from django.db import connections, models, transaction

from worldseat.dsql.limits import ROWS, TransactionTooLarge
from worldseat.dsql.occ import occ_retry

__all__ = ["StepsInTransaction", "bulk_create", "bulk_update", "delete", "update"]

M = TypeVar("M", bound=models.Model)
T = TypeVar("T")


class StepsInTransaction(transaction.TransactionManagementError):
    """A change in steps was asked for inside a transaction, where it would be one step."""


def bulk_create(rows: models.QuerySet[M], objects: Iterable[M], **options: Any) -> int:
    """Insert objects as QuerySet.bulk_create does, 3,000 at a time; return how many.

    `options` are bulk_create's. Raises StepsInTransaction inside `atomic`.
    """
    return _in_steps(rows.db, objects, lambda step: len(rows.bulk_create(step, **options)))


def bulk_update(
    rows: models.QuerySet[M], objects: Iterable[M], fields: Iterable[str], **options: Any
) -> int:
    """Update objects as QuerySet.bulk_update does, 3,000 at a time; return how many.

    `options` are bulk_update's. Raises StepsInTransaction inside `atomic`.
    """
    names = list(fields)
    return _in_steps(rows.db, objects, lambda step: rows.bulk_update(step, names, **options))


def update(rows: models.QuerySet[M], **values: Any) -> int:
    """Update the rows that a query finds now, 3,000 at a time; return how many.

    Raises StepsInTransaction inside `atomic`.
    """
    return _in_steps(rows.db, _keys(rows), lambda step: _of(rows, step).update(**values))


def delete(rows: models.QuerySet[M]) -> int:
    """Delete the rows that a query finds now and what cascades from them; return how many.

    Raises StepsInTransaction inside `atomic`.
    """
    return _in_steps(rows.db, _keys(rows), lambda step: _of(rows, step).delete()[0])


def _keys(rows: models.QuerySet[M]) -> list[Any]:
    # Of a slice, the order tells which rows those are: Django refuses to change it.
    ordered = rows if rows.query.is_sliced else rows.order_by("pk")
    return list(ordered.values_list("pk", flat=True))


def _of(rows: models.QuerySet[M], keys: Sequence[Any]) -> models.QuerySet[M]:
    return rows.model._base_manager.using(rows.db).filter(pk__in=keys)


def _in_steps(using: str, items: Iterable[T], change: Callable[[list[T]], int]) -> int:
    _refuse_transaction(using)
    source, changed = iter(items), 0
    change = occ_retry(using=using)(change)
    while step := list(islice(source, ROWS)):
        changed += _halved(step, change)
    return changed


def _halved(step: list[T], change: Callable[[list[T]], int]) -> int:
    """Change a step, in two halves if it is too large. Raises TransactionTooLarge for one row."""
    try:
        return change(step)
    except TransactionTooLarge:
        if len(step) == 1:
            raise
    middle = len(step) // 2
    return _halved(step[:middle], change) + _halved(step[middle:], change)


def _refuse_transaction(using: str) -> None:
    if connections[using].in_atomic_block:
        raise StepsInTransaction(
            "Rows are changed in steps that commit one by one, which cannot be done inside a "
            "transaction. Nothing was changed. Call it outside of atomic() and @occ_retry."
        )
