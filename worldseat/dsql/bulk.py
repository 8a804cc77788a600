"""Changing many rows: in steps of at most 3,000, each with a transaction of its own.

Django's bulk_create, update() and delete() put everything into one transaction; on DSQL that ends
at 3,000 rows. These functions commit step by step: what is done stays when a later step fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from django.db import connections, models, transaction

from worldseat.dsql.batches import ROWS

__all__ = ["bulk_create", "delete", "update"]

M = TypeVar("M", bound=models.Model)


class StepsInTransaction(transaction.TransactionManagementError):
    """A change in steps was asked for inside a transaction, where it would be one step."""


def bulk_create(rows: models.QuerySet[M], objects: Iterable[M], **options: Any) -> int:
    """Insert objects as QuerySet.bulk_create does, 3,000 at a time; return how many.

    `options` are bulk_create's. Raises StepsInTransaction inside `atomic`.
    """
    _refuse_transaction(rows.db)
    source, made = iter(objects), 0
    while step := list(islice(source, ROWS)):
        made += len(rows.bulk_create(step, **options))
    return made


def update(rows: models.QuerySet[M], **values: Any) -> int:
    """Update the rows that a query finds now, 3,000 at a time; return how many.

    Raises StepsInTransaction inside `atomic`.
    """
    return sum(step.update(**values) for step in _steps(rows, ROWS))


def delete(rows: models.QuerySet[M], *, step: int = ROWS) -> int:
    """Delete the rows that a query finds now and what cascades from them; return how many.

    `step` rows at a time: what cascades counts towards the 3,000, so make it smaller where a row
    takes others with it. Raises StepsInTransaction inside `atomic`.
    """
    return sum(part.delete()[0] for part in _steps(rows, step))


def _steps(rows: models.QuerySet[M], size: int) -> Iterator[models.QuerySet[M]]:
    _refuse_transaction(rows.db)
    keys = iter(list(rows.order_by("pk").values_list("pk", flat=True)))
    while step := list(islice(keys, size)):
        yield rows.model._default_manager.using(rows.db).filter(pk__in=step)


def _refuse_transaction(using: str) -> None:
    if connections[using].in_atomic_block:
        raise StepsInTransaction(
            "Rows are changed in steps that commit one by one, which cannot be done inside a "
            "transaction. Nothing was changed. Call it outside of atomic() and @occ_retry."
        )
