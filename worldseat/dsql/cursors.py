"""Cursors that run a statement again when it loses a conflict outside of a transaction.

In autocommit a statement is a transaction: OC001 (the schema changed) can hit any, reads too, and
OC000 any write; nothing is stored then. Inside `atomic` the conflict goes out to @occ_retry.
"""

from __future__ import annotations

from typing import Any

from django.db import OperationalError
from django.db.backends.postgresql import base as postgresql
from django.db.backends.utils import CursorWrapper

from worldseat.dsql.occ import retrying_conflicts

__all__ = ["Cursor", "DebugCursor", "RowLimitExceeded"]

_PROGRAM_LIMIT_EXCEEDED = "54000"


class RowLimitExceeded(OperationalError):
    """More than 3,000 rows would be changed in one transaction, DSQL's limit."""

    def __init__(self, reason: object) -> None:
        super().__init__(
            f"More than 3,000 rows would be changed in one transaction, cascades included, or more "
            f"than 10 MiB: nothing was stored. Do it in steps, each with a transaction of its own: "
            f"worldseat.dsql.bulk has bulk_create, update and delete that do. ({reason})"
        )


class _Retrying:
    """Mixed into Django's two kinds of cursors."""

    db: Any

    def _execute(self, sql: Any, params: Any, *ignored: Any) -> Any:
        run = super()._execute  # type: ignore[misc]  # of the class it is mixed into
        return self._guarded(lambda: run(sql, params, *ignored), may_retry=True)

    def _executemany(self, sql: Any, param_list: Any, *ignored: Any) -> Any:
        run = super()._executemany  # type: ignore[misc]  # of the class it is mixed into
        # Several statements: in autocommit the first may be stored when a later one fails.
        return self._guarded(lambda: run(sql, param_list, *ignored), may_retry=False)

    def _guarded(self, run: Any, *, may_retry: bool) -> Any:
        try:
            if may_retry and self.db.autocommit and not self.db.in_atomic_block:
                return retrying_conflicts()(run)
            return run()
        except OperationalError as error:
            if _is_row_limit(error):
                raise RowLimitExceeded(error) from error.__cause__
            raise


def _is_row_limit(error: OperationalError) -> bool:
    state = getattr(error.__cause__, "sqlstate", None)
    return (
        state == _PROGRAM_LIMIT_EXCEEDED and "transaction" in str(error) and "age" not in str(error)
    )


class Cursor(_Retrying, CursorWrapper):
    """Django's cursor."""


class DebugCursor(_Retrying, postgresql.CursorDebugWrapper):
    """Django's cursor that logs its queries."""
