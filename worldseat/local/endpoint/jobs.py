"""CREATE INDEX ASYNC and ALTER TABLE ASYNC, run in the background.

The list of jobs is the table sys.jobs, which both regions share. Who runs a job holds a lock in its
name: a job that is being processed, and whose lock is free, has lost its region.
"""

import asyncio
import contextlib

from worldseat.local.endpoint.backend import Address, Backend, connect
from worldseat.local.endpoint.catalog import CatalogVersion
from worldseat.local.endpoint.job_statements import Asked, read
from worldseat.local.endpoint.sql import literal
from worldseat.local.endpoint.wire import Refusal, Reply
from worldseat.local.endpoint.wounds import Wounds

_GRACE_SECONDS = 0.5
_LOOK_SECONDS = 1.0
_LOCK_CLASS = 0x4A4F42  # any number that only we use

_CLAIM = f"""
UPDATE sys.jobs SET status = 'processing', update_time = now() WHERE job_id = (
    SELECT job_id FROM sys.jobs WHERE status = 'submitted' ORDER BY start_time
    LIMIT 1 FOR UPDATE SKIP LOCKED
) RETURNING job_id, pg_advisory_lock({_LOCK_CLASS}, hashtext(job_id))
"""
# CASE: the lock may be asked for nothing else than what is being processed.
_TAKE_BACK = f"""
UPDATE sys.jobs SET status = 'submitted' WHERE status = 'processing' AND job_id IN (
    SELECT job_id FROM sys.jobs WHERE CASE WHEN status = 'processing'
    THEN pg_try_advisory_lock({_LOCK_CLASS}, hashtext(job_id)) END
)
"""
_UNLOCK = "SELECT pg_advisory_unlock_all()"


class Jobs:
    """Runs the jobs that sessions of this region have submitted, and those that nobody runs."""

    def __init__(self, address: Address, catalog: CatalogVersion, wounds: Wounds) -> None:
        self._address = address
        self._wounds = wounds
        self._catalog = catalog
        self._submitted = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to run jobs."""
        self._worker = asyncio.create_task(self._work())

    def wake(self) -> None:
        """Say that a job has been committed."""
        self._submitted.set()

    async def _work(self) -> None:
        while True:
            with contextlib.suppress(OSError, Refusal, RuntimeError):
                # Two regions may claim at once: the one that comes second looks again.
                settings = {"default_transaction_isolation": "read committed"}
                backend = await connect(self._address, settings)
                try:
                    await self._work_on(backend)
                finally:
                    backend.close()
            await asyncio.sleep(_LOOK_SECONDS)

    async def _work_on(self, backend: Backend) -> None:
        while True:
            await backend.rows(_TAKE_BACK)
            await backend.rows(_UNLOCK)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._submitted.wait()
            self._submitted.clear()
            while rows := await backend.rows(_CLAIM):
                await self._run(backend, literal(rows[0][0]))
                await backend.rows(_UNLOCK)

    async def _run(self, backend: Backend, job: str) -> None:
        (found,) = await backend.rows(
            f"UPDATE sys.job_statements SET runs = runs + 1 WHERE job_id = {job} "
            f"RETURNING statement, search_path, runs"
        )
        asked = read(found[0] or "")
        await backend.rows(f"SET search_path = {found[1] or 'public'}")
        # PostgreSQL waits for every transaction that is older than the build. These hear of the new
        # schema (OC001) in any case: those that do not end by themselves hear of it now.
        async with self._wounds.wounding(backend.pid, "schema", grace=_GRACE_SECONDS):
            done = found[2] != "1" and await self._is_built(backend, asked)
            reply = Reply() if done else await backend.ask(asked.runs)
        # The new version first: who sees the job done shall hear of the new schema.
        self._catalog.bump()
        await self._finish(backend, job, asked, _details(reply, asked))

    async def _is_built(self, backend: Backend, asked: Asked) -> bool:
        """Say whether a run that was cut off has built the index; drop what is left otherwise."""
        if asked.kind != "INDEX_BUILD" or asked.name is None:
            return False
        rows = await backend.rows(
            f"SELECT indexrelid::regclass, indisvalid FROM pg_index JOIN pg_class "
            f"ON oid = indexrelid WHERE relname = {literal(asked.name)} "
            f"AND indrelid = to_regclass({literal(asked.table)})"
        )
        for name, valid in rows:
            if valid == "t":
                return True
            await backend.rows(f"DROP INDEX CONCURRENTLY {name}")
        return False

    async def _finish(self, backend: Backend, job: str, asked: Asked, details: str | None) -> None:
        table = f"to_regclass({literal(asked.table)})"
        if asked.kind == "INDEX_BUILD":
            class_id = "'pg_class'::regclass"
            newest = f"SELECT max(indexrelid) FROM pg_index WHERE indrelid = {table}"
            name = asked.name
            named = f"SELECT oid FROM pg_class WHERE relname = {literal(name)}"
            object_id = f"({named} LIMIT 1)" if name else f"({newest})"
        else:
            class_id = "'pg_constraint'::regclass"
            object_id = (
                f"(SELECT oid FROM pg_constraint WHERE conrelid = {table} "
                f"AND conname = {literal(asked.name)})"
            )
        await backend.rows(
            f"UPDATE sys.jobs SET status = '{'failed' if details else 'completed'}', "
            f"details = {literal(details)}, class_id = {class_id}, object_id = {object_id}, "
            f"update_time = date_trunc('second', now()) WHERE job_id = {job}"
        )


def _details(reply: Reply, asked: Asked) -> str | None:
    """Return why a job has failed, None if it has not."""
    if reply.error is None:
        return None
    if reply.sqlstate == "23505" and asked.kind == "INDEX_BUILD":
        # DSQL's words, as ministack measured them.
        return "found duplicate key(s) while validating index uniqueness"
    return reply.error["M"]
