"""CREATE INDEX ASYNC and ALTER TABLE ASYNC: checked when submitted, run in the background.

The list of jobs is the table sys.jobs, which both regions share.
"""

import asyncio
from dataclasses import dataclass

from worldseat.local.endpoint.backend import Address, Backend, connect
from worldseat.local.endpoint.catalog import CatalogVersion
from worldseat.local.endpoint.index_rules import UNSUPPORTED_KEYS
from worldseat.local.endpoint.sql import path_end, tokens
from worldseat.local.endpoint.wire import Refusal
from worldseat.local.endpoint.wounds import Wounds

_INDEXES_A_TABLE = 24
_GRACE_SECONDS = 0.5


@dataclass(frozen=True)
class _Asked:
    """An ASYNC statement. `runs` is what PostgreSQL does; `rest` is what follows the table."""

    runs: str
    kind: str
    table: str
    name: str | None
    unique: bool
    if_not_exists: bool
    rest: str


def _read(sql: str) -> _Asked:
    words = tokens(sql)
    index = next(i for i, w in enumerate(words) if w.is_word("async"))
    said = [w.text for w in words]
    builds = said[0] == "create"
    runs = sql[: words[index].start] + ("CONCURRENTLY" if builds else "") + sql[words[index].end :]
    at = index + 1
    if_not_exists = said[at : at + 3] == ["if", "not", "exists"]
    name = None
    if not builds:
        constraint = said.index("constraint", at)
        name = words[constraint + 1].name
    at += 3 if if_not_exists else 2 if said[at : at + 2] == ["if", "exists"] else 0
    if builds and not words[at].is_word("on"):
        end = path_end(words, at)
        name = words[end - 1].name
        at = end
    at += 1 if builds else 0
    at += 1 if words[at].is_word("only") else 0
    end = path_end(words, at)
    return _Asked(
        runs=runs,
        kind="INDEX_BUILD" if builds else "VALIDATE_CONSTRAINT",
        table=sql[words[at].start : words[end - 1].end],
        name=name,
        unique="unique" in said[:2],
        if_not_exists=if_not_exists,
        rest=sql[words[end - 1].end :],
    )


def _literal(value: str | None) -> str:
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"


class Jobs:
    """Runs the jobs that sessions of this region have submitted."""

    def __init__(self, address: Address, catalog: CatalogVersion, wounds: Wounds) -> None:
        self._address = address
        self._wounds = wounds
        self._catalog = catalog
        self._submitted = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to run jobs, those included that an earlier process left."""
        self._submitted.set()
        self._worker = asyncio.create_task(self._work())

    def wake(self) -> None:
        """Say that a job has been committed."""
        self._submitted.set()

    async def check(self, backend: Backend, sql: str) -> None:
        """Refuse what fails for its text or the catalog, not for its data; in a transaction.

        The index is made on an empty table of the same shape.
        """
        asked = _read(sql)
        if asked.kind == "VALIDATE_CONSTRAINT":
            await self._check_constraint(backend, asked)
            return
        await self._ask(backend, "SAVEPOINT probe")
        await self._ask(backend, f"CREATE TEMP TABLE worldseat_probe (LIKE {asked.table})")
        unique = "UNIQUE" if asked.unique else ""
        await self._ask(backend, f"CREATE {unique} INDEX ON pg_temp.worldseat_probe {asked.rest}")
        await self._check_keys(backend)
        await self._ask(backend, "ROLLBACK TO SAVEPOINT probe")
        await self._check_name_and_number(backend, asked)

    async def _check_constraint(self, backend: Backend, asked: _Asked) -> None:
        # The cast says "relation ... does not exist" where there is none.
        found = await self._ask(
            backend,
            f"SELECT 1 FROM pg_constraint WHERE conrelid = {_literal(asked.table)}::regclass "
            f"AND conname = {_literal(asked.name)}",
        )
        if not found:
            bare = tokens(asked.table)[-1].name
            message = f'constraint "{asked.name}" of relation "{bare}" does not exist'
            raise Refusal("42704", message)

    async def _check_keys(self, backend: Backend) -> None:
        keys = await self._ask(
            backend,
            "SELECT attname, format_type(atttypid, NULL) FROM pg_index JOIN pg_attribute "
            "ON attrelid = indexrelid AND attnum <= indnkeyatts "
            "WHERE indrelid = 'pg_temp.worldseat_probe'::regclass",
        )
        for name, kind in keys:
            if kind in UNSUPPORTED_KEYS:
                message = f'column "{name}" of type {kind} is not supported as an index key'
                raise Refusal("0A000", message)

    async def _check_name_and_number(self, backend: Backend, asked: _Asked) -> None:
        table = f"{_literal(asked.table)}::regclass"
        taken = await self._ask(
            backend,
            f"SELECT 1 FROM pg_class c WHERE relname = {_literal(asked.name)} AND relnamespace = "
            f"(SELECT relnamespace FROM pg_class WHERE oid = {table})",
        )
        if taken and asked.if_not_exists:
            return
        if taken:
            raise Refusal("42P07", f'relation "{asked.name}" already exists')
        count = await self._ask(backend, f"SELECT count(*) FROM pg_index WHERE indrelid = {table}")
        if int(count[0][0] or 0) >= _INDEXES_A_TABLE:
            message = f"more than {_INDEXES_A_TABLE} indexes per table are not allowed"
            raise Refusal("54000", message)

    async def _ask(self, backend: Backend, sql: str) -> list[list[str | None]]:
        reply = await backend.ask(sql)
        if reply.error:
            raise Refusal(reply.sqlstate, reply.error["M"], detail=reply.error.get("D"))
        return reply.rows()

    async def _work(self) -> None:
        while True:
            await self._submitted.wait()
            self._submitted.clear()
            try:
                backend = await connect(self._address, {})
                try:
                    await self._run_all(backend)
                finally:
                    backend.close()
            except (OSError, Refusal, RuntimeError):
                await asyncio.sleep(1)
                self._submitted.set()

    async def _run_all(self, backend: Backend) -> None:
        while True:
            rows = await backend.rows(
                "UPDATE sys.jobs SET status = 'processing', update_time = now() WHERE job_id = "
                "(SELECT job_id FROM sys.jobs WHERE status = 'submitted' ORDER BY start_time "
                "LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING job_id"
            )
            if not rows:
                return
            await self._run(backend, _literal(rows[0][0]))

    async def _run(self, backend: Backend, job: str) -> None:
        (found,) = await backend.rows(
            f"SELECT statement, search_path FROM sys.job_statements WHERE job_id = {job}"
        )
        asked = _read(found[0] or "")
        await backend.rows(f"SET search_path = {found[1] or 'public'}")
        # PostgreSQL waits for every transaction that is older than the build. These hear of the new
        # schema (OC001) in any case: those that do not end by themselves hear of it now.
        async with self._wounds.wounding(backend.pid, "schema", grace=_GRACE_SECONDS):
            reply = await backend.ask(asked.runs)
        details = None
        if reply.error:
            details = reply.error["M"]
            if reply.sqlstate == "23505" and asked.kind == "INDEX_BUILD":
                # DSQL's words, as ministack measured them.
                details = "found duplicate key(s) while validating index uniqueness"
        # The new version first: who sees the job done shall hear of the new schema.
        self._catalog.bump()
        await self._finish(backend, job, asked, details)

    async def _finish(self, backend: Backend, job: str, asked: _Asked, details: str | None) -> None:
        table = f"to_regclass({_literal(asked.table)})"
        if asked.kind == "INDEX_BUILD":
            class_id = "'pg_class'::regclass"
            newest = f"SELECT max(indexrelid) FROM pg_index WHERE indrelid = {table}"
            name = asked.name
            named = f"SELECT oid FROM pg_class WHERE relname = {_literal(name)}"
            object_id = f"({named} LIMIT 1)" if name else f"({newest})"
        else:
            class_id = "'pg_constraint'::regclass"
            object_id = (
                f"(SELECT oid FROM pg_constraint WHERE conrelid = {table} "
                f"AND conname = {_literal(asked.name)})"
            )
        await backend.rows(
            f"UPDATE sys.jobs SET status = '{'failed' if details else 'completed'}', "
            f"details = {_literal(details)}, job_type = '{asked.kind}', class_id = {class_id}, "
            f"object_id = {object_id}, object_name = "
            f"{_literal(asked.name or asked.table)}, update_time = date_trunc('second', now()) "
            f"WHERE job_id = {job}"
        )
