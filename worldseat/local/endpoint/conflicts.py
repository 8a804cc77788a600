"""Optimistic conflicts on a PostgreSQL that locks.

On DSQL nobody waits: a transaction that wrote what another one has committed in the meantime hears
of it at COMMIT. Here a statement which meets a row that an open transaction has written gives up
after some milliseconds (lock_timeout) behind a savepoint of ours. It is answered from a private
copy of the rows that it concerns, and made for real at COMMIT: by then the other one has ended, or
it is wounded, since the first to commit wins. A statement which meets a row that has been committed
since our snapshot is answered in the same way, and dooms the transaction.

Where no private copy can answer (a writing CTE, MERGE), and where a statement reads a table of
which only a private copy was written, the conflict comes at that statement.
"""

from time import monotonic
from typing import TYPE_CHECKING

from worldseat.local.endpoint import copies, hidden
from worldseat.local.endpoint.sql import tokens
from worldseat.local.endpoint.statements import Kind, analyse, optimistic_locks
from worldseat.local.endpoint.transaction import (
    CONFLICTS,
    Conflict,
    Deferred,
    Transaction,
    as_refusal,
)
from worldseat.local.endpoint.units import Unit
from worldseat.local.endpoint.wire import Reply, query

if TYPE_CHECKING:
    from worldseat.local.endpoint.execution import Executor

_WAITED = ("55P03", "40P01")
_UNIQUE = "23505"
_REFERENCED = "23503"

_CHECK = "SET CONSTRAINTS ALL IMMEDIATE"

_PATIENCE_SECONDS = 10
_LONGEST_WAIT_MILLISECONDS = 200


async def write(executor: "Executor", transaction: Transaction, unit: Unit) -> Reply:
    """Run a statement that writes or locks; return its reply, `data` being for the client.

    Raises Refusal: Conflict where the conflict has to come now.
    """
    if not transaction.explicit:
        return await _write_at_once(executor, transaction, unit)
    if transaction.doomed:
        return await _pretend(executor, transaction, unit)
    reply = await _behind_savepoint(executor, transaction, unit)
    if not reply.error:
        await _touch(executor, unit)
        reply.data = bytearray(unit.fit_request(reply.data))
        return reply
    code = reply.sqlstate
    if code in CONFLICTS or code in (_UNIQUE, _REFERENCED):
        executor.backend.ahead("ROLLBACK TO SAVEPOINT statement")
    if code in _WAITED:
        answer = await _pretend(executor, transaction, unit)
        transaction.deferred.append(Deferred(unit, answer.answer))
        executor.region.counters.deferred += 1
        return answer
    if code in CONFLICTS or await _is_for_what_is_hidden(executor, unit, reply):
        doom(executor, transaction)
        return await _pretend(executor, transaction, unit)
    raise as_refusal(reply)


async def _is_for_what_is_hidden(executor: "Executor", unit: Unit, reply: Reply) -> bool:
    if reply.sqlstate == _UNIQUE:
        return await hidden.is_key_hidden(executor, unit, reply)
    return reply.sqlstate == _REFERENCED and await hidden.is_reference_hidden(executor, reply)


async def check_references(executor: "Executor", transaction: Transaction) -> None:
    """Look before COMMIT at the foreign keys that were deferred; raises Refusal.

    COMMIT itself would wait for nobody, and leave no snapshot to ask what was seen.
    """
    if not transaction.deleted and not transaction.written & await _deferring(executor):
        return
    backend = executor.backend
    backend.ahead("SAVEPOINT checking")
    reply = await backend.ask(_CHECK)
    if reply.sqlstate in _WAITED:
        backend.ahead("ROLLBACK TO SAVEPOINT checking")
        reply = await patient(executor, Unit(analyse(_CHECK)))
    if not reply.error:
        return
    backend.ahead("ROLLBACK TO SAVEPOINT checking")
    if reply.sqlstate == _REFERENCED and await hidden.is_reference_hidden(executor, reply):
        raise Conflict
    raise as_refusal(reply)


async def _deferring(executor: "Executor") -> frozenset[str]:
    """Return the names of the tables that have deferred foreign keys; it is kept."""
    region = executor.region
    version = region.catalog.now
    if region.deferring is None or region.deferring[0] != version:
        rows = await region.wounds.rows(
            "SELECT relname FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid "
            "WHERE contype = 'f' AND condeferred"
        )
        region.deferring = version, frozenset(name or "" for (name,) in rows)
    return region.deferring[1]


async def settle(executor: "Executor", *, wound: bool) -> None:
    """Make the deferred writes; raises Conflict if one cannot be made or says something else.

    With `wound`, transactions that stand in the way lose: ours is committing, and theirs is not.
    """
    transaction = executor.transaction
    if transaction is None or not transaction.deferred:
        return
    for deferred in transaction.deferred:
        replay = patient if wound else impatient
        reply = await replay(executor, deferred.unit)
        if reply.error or reply.answer != deferred.answer:
            raise Conflict
        await _touch(executor, deferred.unit)
    transaction.deferred.clear()
    transaction.pretended.clear()


def doom(executor: "Executor", transaction: Transaction) -> None:
    """Give up all that the transaction has written, and its locks, but not its snapshot.

    This goes ahead of the next request.
    """
    if transaction.savepoint:
        executor.backend.ahead("ROLLBACK TO SAVEPOINT writes")
    transaction.doomed = True
    transaction.deferred.clear()
    transaction.pretended |= transaction.written


async def impatient(executor: "Executor", unit: Unit) -> Reply:
    """Run a statement as it is: it waits for a lock for some milliseconds only."""
    await executor.backend.send(unit.with_text(unit.statement.forward))
    return await executor.backend.reply()


async def patient(executor: "Executor", unit: Unit) -> Reply:
    """Run a write which those whose locks stand in its way must make room for.

    It tries again and again, instead of waiting: PostgreSQL wakes who waits for a row at the end of
    the other transaction, and not when that one rolls back to a savepoint, as the wounded do.
    """
    until = monotonic() + _PATIENCE_SECONDS
    milliseconds = executor.region.limits.lock_milliseconds
    backend = executor.backend
    backend.ahead("SAVEPOINT patience")
    executor.pushing, executor.must_yield = True, False
    try:
        async with executor.region.wounds.wounding(backend.pid, "data"):
            while True:
                reply = await impatient(executor, unit)
                gives_up = executor.must_yield or monotonic() > until
                if reply.sqlstate not in _WAITED or gives_up:
                    return reply
                # On a busy machine it takes longer to find out who is in the way.
                milliseconds = min(2 * milliseconds, _LONGEST_WAIT_MILLISECONDS)
                backend.ahead(
                    f"ROLLBACK TO SAVEPOINT patience; SET LOCAL lock_timeout = {milliseconds}"
                )
    finally:
        executor.pushing = False


async def exclusive(executor: "Executor", unit: Unit) -> Reply:
    """Run a change of the schema: the transactions that use the table must make room for it."""
    backend = executor.backend
    await backend.ask(f"SET lock_timeout = '{_PATIENCE_SECONDS}s'")
    await backend.send(unit.request())
    async with executor.region.wounds.wounding(backend.pid, "schema"):
        reply = await backend.reply()
    if reply.status != b"E":  # where the transaction has failed, its end undoes the SET
        await backend.ask(f"SET lock_timeout = {executor.region.limits.lock_milliseconds}")
    return reply


async def _write_at_once(executor: "Executor", transaction: Transaction, unit: Unit) -> Reply:
    """Run a write in autocommit: it commits now, so that whoever is in its way loses."""
    reply = await _behind_savepoint(executor, transaction, unit)
    if reply.sqlstate in _WAITED:
        await executor.backend.ask("ROLLBACK TO SAVEPOINT statement")
        reply = await patient(executor, unit)
    if reply.error:
        raise as_refusal(reply)
    reply.data = bytearray(unit.fit_request(reply.data))
    return reply


async def _behind_savepoint(executor: "Executor", transaction: Transaction, unit: Unit) -> Reply:
    if transaction.savepoint:
        mark = query("RELEASE SAVEPOINT statement; SAVEPOINT statement")
    else:
        mark = query("SAVEPOINT writes; SAVEPOINT statement")
        transaction.savepoint = True
    await executor.backend.send(mark, unit.request())
    await executor.backend.reply()
    return await executor.backend.reply()


async def _pretend(executor: "Executor", transaction: Transaction, unit: Unit) -> Reply:
    """Answer a write without making it; raises Conflict where that cannot be done."""
    statement = unit.statement
    if statement.kind is Kind.LOCK:
        text = optimistic_locks(statement.sql, tokens(statement.sql), drop=True)
        await executor.backend.send(unit.with_text(text))
        reply = await executor.backend.reply()
        if reply.error:
            raise Conflict
    else:
        undone = await _undone(executor, unit) if transaction.doomed else None
        reply = undone or await copies.answer(executor, unit)
        transaction.pretended.add(statement.target_name or "")
    reply.data = bytearray(unit.fit(reply.data))
    return reply


async def _undone(executor: "Executor", unit: Unit) -> Reply | None:
    """Make a write of a transaction that is lost anyway, and undo it; None if it fails."""
    undo = query("ROLLBACK TO SAVEPOINT undone; RELEASE SAVEPOINT undone")
    backend, request = executor.backend, unit.with_text(unit.statement.forward)
    await backend.send(query("SAVEPOINT undone"), request, undo)
    await backend.reply()
    reply = await backend.reply()
    await backend.reply()
    return None if reply.error else reply


async def _touch(executor: "Executor", unit: Unit) -> None:
    """Write the rows that FOR UPDATE has locked: on DSQL it counts as a write of them.

    A lock alone leaves no trace once it is gone, so that a transaction with an older snapshot
    would take it later and commit too.
    """
    if unit.statement.kind is not Kind.LOCK or "FOR NO KEY UPDATE" not in unit.statement.forward:
        return
    for sql in await copies.touching(executor, unit):
        await executor.backend.send(unit.with_text(sql))
        reply = await executor.backend.reply()
        if reply.error:
            raise Conflict
