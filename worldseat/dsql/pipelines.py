"""Several statements in one round trip: the protocol's pipelines, for a transaction of two.

A transaction that knows all it needs from one read, and all it writes before it writes, takes two
round trips: `begin_with_read` sends BEGIN and the read, and what `write_at_commit` is given goes
out together with COMMIT, with one Sync at the end: if one of the statements fails, the server skips
the others and COMMIT too. Nobody sees what the writes answer, so whatever may stop the transaction
has to follow from the read; that no other transaction has written the same rows meanwhile is
snapshot isolation's to see, as always.

Every driver that speaks the extended protocol may do this: pgjdbc sends BEGIN with the first
statement and the statements of a batch so. Statements are prepared once a connection.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from types import NoneType
from typing import Any, cast
from uuid import UUID

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model
from django.db.models.fields import NOT_PROVIDED
from django.db.transaction import TransactionManagementError
from psycopg import errors, generators, pq
from psycopg.adapt import Transformer

__all__ = ["Insert", "Statement", "Write", "begin_with_read", "commit_with", "write_at_commit"]

_BEGIN = b"BEGIN ISOLATION LEVEL REPEATABLE READ"
_COMMIT = b"COMMIT"


@dataclass(frozen=True)
class Statement:
    """SQL with $1, $2 and so on where its parameters go, and the name it is prepared under."""

    name: str
    sql: str


class Insert:
    """An INSERT of one row of a model: the named columns are parameters, others their defaults.

    `or_else` follows the values: an ON CONFLICT clause. A field that is neither named nor has a
    constant default is an error, so that a new column is not forgotten.
    """

    def __init__(self, name: str, model: type[Model], *columns: str, or_else: str = "") -> None:
        self._name = name
        self._model = model
        self._columns = columns
        self._or_else = or_else

    @cached_property
    def statement(self) -> Statement:
        """Return the statement; made at first use, when the models are loaded."""
        values = {column: f"${at}" for at, column in enumerate(self._columns, start=1)}
        for field in self._model._meta.local_concrete_fields:
            column = str(field.column)
            if column not in values:
                values[column] = _constant(field)
        unknown = set(self._columns) - {each.column for each in self._model._meta.local_fields}
        if unknown:
            raise TypeError(f"{self._model.__name__} has no column {', '.join(sorted(unknown))}")
        names = ", ".join(f'"{column}"' for column in values)
        table = self._model._meta.db_table
        sql = f'INSERT INTO "{table}" ({names}) VALUES ({", ".join(values.values())})'
        return Statement(self._name, f"{sql} {self._or_else}".strip())


def _constant(field: Any) -> str:
    """Return a field's default as SQL; raises TypeError if it has none, or a new one each time."""
    default = None if field.default is NOT_PROVIDED else field.default
    if default is None and field.null:
        return "NULL"
    if default is None and field.empty_strings_allowed and field.blank:
        default = ""
    if isinstance(default, bool):
        return "true" if default else "false"
    if isinstance(default, int):
        return str(int(default))
    if isinstance(default, str):
        return "'{}'".format(str(default).replace("'", "''"))
    raise TypeError(f"{field}: give it a value, it has no constant default")


Write = tuple[Statement, Sequence[Any]]


def begin_with_read(
    statement: Statement, values: Sequence[Any], *, using: str = DEFAULT_DB_ALIAS
) -> list[tuple[Any, ...]]:
    """Begin the transaction of the atomic block that has just been entered, and return rows.

    One round trip. Raises what any statement may.
    """
    wrapper: Any = connections[using]
    if not wrapper.in_atomic_block:
        raise TransactionManagementError("There is no atomic block whose transaction this begins.")
    wrapper.ensure_connection()
    raw = cast("psycopg.Connection[Any]", wrapper.connection)
    if raw.info.transaction_status != pq.TransactionStatus.IDLE:
        raise TransactionManagementError("The transaction has begun already.")
    with wrapper.wrap_database_errors, _logged(wrapper, [statement]):
        *_, found = _exchange(raw, [(_BEGIN, ()), (statement, values)])
    transformer = Transformer(raw)
    transformer.set_pgresult(found)
    rows: list[tuple[Any, ...]] = transformer.load_rows(0, found.ntuples, tuple)
    return rows


def write_at_commit(writes: Sequence[Write], *, using: str = DEFAULT_DB_ALIAS) -> None:
    """Have the transaction's writes sent with its COMMIT: the last thing that a body does.

    One round trip. A statement that fails comes out of the atomic block, and nothing is stored.
    """
    wrapper: Any = connections[using]
    if not wrapper.in_atomic_block or wrapper.writes_at_commit:
        raise TransactionManagementError("There is no transaction, or it has its writes.")
    wrapper.writes_at_commit = list(writes)


def commit_with(wrapper: Any, writes: Sequence[Write]) -> None:
    """Send writes and COMMIT; for the backend."""
    with wrapper.wrap_database_errors, _logged(wrapper, [statement for statement, _ in writes]):
        *_, committed = _exchange(wrapper.connection, [*writes, (_COMMIT, ())])
    if committed.command_status != _COMMIT:
        raise TransactionManagementError(f"COMMIT was answered {committed.command_status!r}")


@contextmanager
def _logged(wrapper: Any, statements: Sequence[Statement]) -> Iterator[None]:
    """Put statements into Django's log of queries, where that is kept: tests count them there."""
    began = time.monotonic()
    try:
        yield
    finally:
        if wrapper.queries_logged:
            seconds = f"{time.monotonic() - began:.3f}"
            wrapper.queries_log.extend({"sql": each.sql, "time": seconds} for each in statements)


_Command = tuple[Statement | bytes, Sequence[Any]]


def _exchange(raw: psycopg.Connection[Any], commands: Sequence[_Command]) -> list[pq.abc.PGresult]:
    """Send commands and one Sync; return the result of each. Raises the first one's error.

    Whatever else goes wrong leaves a connection whose state nobody knows: it is closed.
    """
    encoded = [(command, [_text(value) for value in values]) for command, values in commands]
    with raw.lock:
        try:
            raw.pgconn.enter_pipeline_mode()
            known = _prepared(raw)
            expected = _send(raw.pgconn, encoded, known)
            results = raw.wait(_fetched(raw.pgconn, len(expected)))
            raw.pgconn.exit_pipeline_mode()
        except BaseException:
            raw.close()
            raise
    for name, result in zip(expected, results, strict=True):
        if result.status == pq.ExecStatus.FATAL_ERROR:
            raise errors.error_from_result(result, encoding=raw.info.encoding)
        if isinstance(name, str):
            known.add(name)
    return [result for name, result in zip(expected, results, strict=True) if name is None]


def _send(
    pgconn: pq.abc.PGconn,
    commands: Sequence[tuple[Statement | bytes, list[bytes | None]]],
    known: set[str],
) -> list[str | None]:
    """Put commands into the buffer; return for each result the statement that it prepares."""
    expected: list[str | None] = []
    for command, values in commands:
        if isinstance(command, bytes):
            pgconn.send_query_params(command, None)
        else:
            name = command.name.encode()
            if command.name not in known and command.name not in expected:
                pgconn.send_prepare(name, command.sql.encode())
                expected.append(command.name)
            pgconn.send_query_prepared(name, values)
        expected.append(None)
    pgconn.pipeline_sync()
    return expected


def _fetched(pgconn: pq.abc.PGconn, number: int) -> Generator[Any, Any, list[pq.abc.PGresult]]:
    """Wait for the results of so many commands and for the Sync (a generator of psycopg's kind)."""
    yield from generators.send(pgconn)
    results: list[pq.abc.PGresult] = []
    for _ in range(number):
        results += yield from generators.fetch_many(pgconn)
    yield from generators.fetch_many(pgconn)
    return results


def _prepared(raw: Any) -> set[str]:
    """Return the names of what is prepared on a connection."""
    known: set[str] | None = getattr(raw, "worldseat_prepared", None)
    if known is None:
        known = raw.worldseat_prepared = set()
    return known


def _text(value: Any) -> bytes | None:
    """Return a parameter in the text format."""
    text = _TEXTS.get(value.__class__)
    if text is None:
        if not isinstance(value, str):
            raise TypeError(f"{type(value).__name__} is no parameter of a pipeline")
        text = _of_text  # a choice
    return text(value)


def _of_text(value: str) -> bytes:
    encoded = value.encode()
    if b"\0" in encoded:
        # libpq would end the text there.
        raise psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    return encoded


_TEXTS: dict[type, Callable[[Any], bytes | None]] = {
    NoneType: lambda value: None,
    UUID: lambda value: b"%032x" % value.int,
    int: lambda value: b"%d" % value,
    datetime: lambda value: value.isoformat().encode(),
    str: _of_text,
}
