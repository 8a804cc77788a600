"""Cursors that run a statement again when it loses a conflict outside of a transaction.

In autocommit a statement is a transaction: OC001 (the schema changed) can hit any, reads too, and
OC000 any write; nothing is stored then. `executemany` is given a transaction there, so that it can
run again. Inside `atomic` the conflict goes out to @occ_retry, but for OC001 at the statement that
begins the transaction: nothing was read or written before it.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql import base as postgresql
from django.db.backends.utils import CursorWrapper
from psycopg import pq

from worldseat.dsql.limits import naming_the_limit
from worldseat.dsql.occ import retrying_conflicts

__all__ = ["Cursor", "DebugCursor"]


class _Retrying:
    """Mixed into Django's two kinds of cursors."""

    db: Any

    def _execute(self, sql: Any, params: Any, *ignored: Any) -> Any:
        run = super()._execute  # type: ignore[misc]  # of the class it is mixed into
        with naming_the_limit():
            if self._is_alone():
                return retrying_conflicts()(run, sql, params, *ignored)
            return self._in_atomic(run, sql, params, *ignored)

    def _executemany(self, sql: Any, param_list: Any, *ignored: Any) -> Any:
        run = super()._executemany  # type: ignore[misc]  # of the class it is mixed into
        # Read once, since it may be sent more than once.
        rows = list(param_list)
        with naming_the_limit():
            if self._is_alone():
                return retrying_conflicts()(self._in_transaction, run, sql, rows, *ignored)
            return self._in_atomic(run, sql, rows, *ignored)

    def _is_alone(self) -> bool:
        """Tell whether a statement is a transaction of its own."""
        return (
            self.db.autocommit
            and not self.db.in_atomic_block
            and self._status() in (None, pq.TransactionStatus.IDLE)
        )

    def _in_transaction(self, run: Any, *arguments: Any) -> Any:
        """Run several statements as one: they are stored together, or again together."""
        with self.db.wrap_database_errors, self.db.connection.transaction():
            return run(*arguments)

    def _in_atomic(self, run: Any, *arguments: Any) -> Any:
        """Run what is part of a transaction, or begins one."""
        if self._status() == pq.TransactionStatus.IDLE:
            return retrying_conflicts(of_schema=True)(self._begin_with, run, *arguments)
        return run(*arguments)

    def _begin_with(self, run: Any, *arguments: Any) -> Any:
        if self._status() == pq.TransactionStatus.INERROR:
            # What an earlier try has left.
            self.db.connection.rollback()
        return run(*arguments)

    def _status(self) -> pq.TransactionStatus | None:
        # A connection that was closed says so when it is used.
        raw = self.db.connection
        return None if raw is None else raw.info.transaction_status


class Cursor(_Retrying, CursorWrapper):
    """Django's cursor."""


class DebugCursor(_Retrying, postgresql.CursorDebugWrapper):
    """Django's cursor that logs its queries."""
