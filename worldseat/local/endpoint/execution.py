"""One session's statements, run on its backend connection as DSQL would run them."""

import asyncio

from worldseat.local.endpoint import catalog_limits, conflicts, job_checks
from worldseat.local.endpoint.backend import Backend
from worldseat.local.endpoint.checks import check
from worldseat.local.endpoint.limits import TooManyRows, TooMuchData, TooOld
from worldseat.local.endpoint.region import Region
from worldseat.local.endpoint.statements import WRITERS, Kind
from worldseat.local.endpoint.transaction import Conflict, SchemaChanged, Transaction, as_refusal
from worldseat.local.endpoint.units import Unit
from worldseat.local.endpoint.weights import weigh
from worldseat.local.endpoint.wire import Refusal, Reply, Sink, complete, without
from worldseat.local.endpoint.wounds import IsTheSame

_ABORTED = "current transaction is aborted, commands ignored until end of transaction block"
_CHANGED_ROWS = (
    "SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) FROM pg_stat_xact_user_tables"
)
_NEEDS_COMMIT = (*WRITERS, Kind.JOB)
_GROUPED = (Kind.READ, Kind.DDL)


class Executor:
    """Runs statements and keeps the transaction. `lock` is held while the backend is in use."""

    def __init__(self, region: Region, backend: Backend) -> None:
        self.region = region
        self.backend = backend
        self.lock = asyncio.Lock()
        self.transaction: Transaction | None = None
        self.seen = region.catalog.now
        self.weighing: dict[str, tuple[int, str | None]] = {}
        self.committing = False
        # While it pushes through others' locks: it may meet one who pushes through ours.
        self.pushing = False
        self.must_yield = False

    @property
    def status(self) -> bytes:
        """Return the transaction's status for ReadyForQuery."""
        if self.transaction is None or not self.transaction.explicit:
            return b"I"
        return b"E" if self.transaction.failed else b"T"

    async def run(self, unit: Unit, *, grouped: bool, sink: Sink) -> bytes:
        """Run a statement and return what the client is to get; raises Refusal, ConnectionCut.

        `grouped` says that the statement is one of several in an implicit transaction.
        """
        transaction, kind = self.transaction, unit.statement.kind
        self.region.counters.statements += 1
        if transaction is not None and transaction.failed:
            return await self._in_failed(transaction, unit)
        try:
            await check(self, unit)
            if kind is Kind.COMMIT and transaction is not None:
                return await self.commit(unit)
            if transaction is None and self._needs_commit(unit, grouped):
                self._begin_implicit()
            return await self._dispatch(unit, sink)
        except Refusal as refused:
            self._count(refused)
            await self._fail()
            raise

    def _needs_commit(self, unit: Unit, grouped: bool) -> bool:
        """Say whether a statement in autocommit has to be one of a transaction of ours."""
        kind = unit.statement.kind
        if kind in _NEEDS_COMMIT or (grouped and kind in _GROUPED):
            return True
        return kind is Kind.DDL and unit.statement.creates and unit.executes

    async def finish_group(self) -> None:
        """Commit what a statement or pipeline in autocommit did; raises as `run`."""
        transaction = self.transaction
        if transaction is None or transaction.explicit:
            return
        if transaction.failed:
            self.transaction = None
            return
        try:
            await self.commit(None)
        except Refusal as refused:
            self._count(refused)
            raise

    async def commit(self, unit: Unit | None) -> bytes:
        """Commit: the place where conflicts come out. Raises Refusal, ConnectionCut."""
        transaction = self.transaction
        assert transaction is not None  # noqa: S101 - the callers look
        self.committing = True
        try:
            await self._before_commit(transaction)
            reply = await self._ask(unit) if unit else await self.backend.ask("COMMIT")
        except Refusal:
            await self.backend.ask("ROLLBACK")
            self.transaction = None
            self.region.counters.rollbacks += 1
            raise
        finally:
            self.committing = False
        self.transaction = None
        if reply.error:
            raise as_refusal(reply)
        self._committed(transaction)
        return unit.fit_request(reply.data) if unit else b""

    async def expire(self) -> None:
        """End a transaction that is older than DSQL lets one be; its next statement hears of it."""
        async with self.lock:
            transaction = self.transaction
            if transaction is not None and not transaction.failed:
                await self._fail()
                transaction.expired = True

    async def wound(self, is_the_same: IsTheSame, reason: str) -> None:
        """Let the open transaction lose to one that is committing; `reason` is data or schema."""
        async with self.lock:
            transaction = self.transaction
            if transaction is None or not transaction.explicit or transaction.failed:
                return
            if transaction.doomed or not await is_the_same():
                return
            self.region.counters.wounded += 1
            if reason == "data":
                conflicts.doom(self, transaction)
                await self.backend.ask("")  # its locks go at once
            else:
                await self._fail()
                transaction.outdated = True

    def _committed(self, transaction: Transaction) -> None:
        self.region.counters.commits += 1
        if transaction.ddl:
            self.seen = self.region.catalog.bump()
        if transaction.jobs:
            self.region.jobs.wake()
        if transaction.wrote:
            self.region.faults.after_commit()

    async def _before_commit(self, transaction: Transaction) -> None:
        if transaction.wrote:
            await self.region.faults.before_commit()
        if transaction.age() > self.region.limits.transaction_seconds:
            raise TooOld
        if max(transaction.size, sum(transaction.weights.values())) > self.region.limits.size:
            raise TooMuchData
        if transaction.wrote and self.seen < self.region.catalog.now:
            self.seen = self.region.catalog.now
            raise SchemaChanged
        if transaction.doomed:
            raise Conflict
        await conflicts.settle(self, wound=True)
        await conflicts.check_references(self, transaction)

    async def _dispatch(self, unit: Unit, sink: Sink) -> bytes:
        kind = unit.statement.kind
        if kind in WRITERS:
            return await self._write(unit)
        if kind is Kind.BEGIN and self.transaction is None and unit.simple:
            self.backend.ahead(unit.statement.forward)
            self.transaction = Transaction(explicit=True)
            return complete("BEGIN" if unit.statement.verb == "begin" else "START TRANSACTION")
        if kind is Kind.JOB:
            await job_checks.check(self.backend, unit.statement.sql, self.region.limits)
        if kind is Kind.READ:
            await self._before_read(unit)
        if kind is Kind.DDL:
            return await self._ddl(unit)
        reply = await self._ask(unit, sink if kind is Kind.READ else None)
        if reply.error:
            raise as_refusal(reply)
        self._note(kind, reply)
        data = unit.fit_request(reply.data)
        if unit.statement.tag is None:
            return data
        return without(data, b"C") + (complete(unit.statement.tag) if unit.executes else b"")

    def _note(self, kind: Kind, reply: Reply) -> None:
        transaction = self.transaction
        if kind is Kind.BEGIN and transaction is None:
            self.transaction = Transaction(explicit=True)
        elif kind is Kind.ROLLBACK and reply.status == b"I":
            self.transaction = None
            self.region.counters.rollbacks += 1
        elif kind is Kind.JOB and transaction is not None:
            transaction.ddl = transaction.jobs = True
        elif kind is Kind.CALL:
            # The end of the job that it waited for is no news to this session.
            self.seen = self.region.catalog.now

    async def _ddl(self, unit: Unit) -> bytes:
        """Run a change of the schema; it may wait, since other sessions' locks are ours to end."""
        reply = await conflicts.exclusive(self, unit)
        if reply.error:
            raise as_refusal(reply)
        if unit.statement.creates:
            await catalog_limits.check(self.backend, self.region.limits)
        if self.transaction is None:
            self.seen = self.region.catalog.bump()
        else:
            self.transaction.ddl = True
        data = unit.fit_request(reply.data)
        if unit.statement.tag is None:
            return data
        return without(data, b"TDCn") + complete(unit.statement.tag)

    async def _before_read(self, unit: Unit) -> None:
        """A read may not see a table whose writes were only pretended."""
        transaction = self.transaction
        if transaction is None or not transaction.pretended & unit.statement.names:
            return
        if transaction.doomed:
            raise Conflict
        await conflicts.settle(self, wound=False)

    async def _write(self, unit: Unit) -> bytes:
        transaction = self.transaction
        assert transaction is not None  # noqa: S101 - `run` has begun one
        await self._before_read(unit)
        before = await self._changed_rows(unit)
        answer = await conflicts.write(self, transaction, unit)
        transaction.wrote = True
        transaction.deleted |= unit.statement.counts_by_statistics
        transaction.size += unit.size
        key_share = unit.statement.kind is Kind.LOCK and "FOR KEY SHARE" in unit.statement.forward
        if unit.executes and not key_share:
            counted = Reply(tag=answer.tag).count
            transaction.rows += max(counted, await self._changed_rows(unit) - before)
        if unit.statement.target_name:
            transaction.written.add(unit.statement.target_name)
        if transaction.rows > self.region.limits.rows:
            raise TooManyRows
        if unit.executes:
            await weigh(self, unit)
        return bytes(answer.data)

    async def _changed_rows(self, unit: Unit) -> int:
        """Return PostgreSQL's own count, where the command tag leaves rows out (cascades, CTEs)."""
        if not unit.statement.counts_by_statistics:
            return 0
        rows = await self.backend.rows(_CHANGED_ROWS)
        return int(rows[0][0] or 0)

    def _begin_implicit(self) -> None:
        self.backend.ahead("BEGIN")
        self.transaction = Transaction(explicit=False)

    async def _ask(self, unit: Unit, sink: Sink | None = None) -> Reply:
        await self.backend.send(unit.request())
        return await self.backend.reply(sink)

    async def _in_failed(self, transaction: Transaction, unit: Unit) -> bytes:
        kind = unit.statement.kind
        if kind is not Kind.ROLLBACK and (reason := transaction.refusal()):
            if kind is Kind.COMMIT:
                # Answered ROLLBACK, a client that does not look at tags would take it for done.
                self.transaction = None
            if isinstance(reason, SchemaChanged):
                self.seen = self.region.catalog.now
            self._count(reason)
            raise reason
        if kind not in (Kind.COMMIT, Kind.ROLLBACK) or unit.statement.refused:
            raise Refusal("25P02", _ABORTED)
        reply = await self._ask(unit)
        self.transaction = None
        # PostgreSQL has rolled back already, and warns that there is nothing to end.
        data = without(unit.fit_request(reply.data), b"NC")
        return data + complete("ROLLBACK")

    async def _fail(self) -> None:
        """Roll back at once, so that nobody meets the locks of a transaction that has failed."""
        transaction = self.transaction
        if transaction is not None and not transaction.failed:
            await self.backend.ask("ROLLBACK")
            transaction.failed = True
            self.region.counters.rollbacks += 1

    def _count(self, refused: Refusal) -> None:
        counters = self.region.counters
        if isinstance(refused, SchemaChanged):
            counters.schema_conflicts += 1
        elif isinstance(refused, Conflict):
            counters.conflicts += 1
            if self.transaction is not None and self.transaction.explicit:
                counters.early_conflicts += 1
