"""How much a transaction has written: what its clients sent does not tell where SQL computes it."""

from typing import TYPE_CHECKING

from worldseat.local.endpoint.limits import KeyTooLarge, TooWide
from worldseat.local.endpoint.units import Unit

if TYPE_CHECKING:
    from worldseat.local.endpoint.execution import Executor

# A shorter statement that computes nothing writes nothing that could be too large.
_SHORT = 1024
# Of all rows that a snapshot shows, those with a younger transaction id are our own.
_OWN = "xmin::text::bigint >= (pg_snapshot_xmax(pg_current_snapshot())::text::bigint % 4294967296)"
_TEXTS = ("text", "varchar", "bpchar", "bytea")
_DOCUMENTS = ("json", "jsonb")


async def weigh(executor: "Executor", unit: Unit) -> None:
    """Weigh the rows that the transaction has written into the table of a statement.

    Raises Refusal for a column, a row or a key that is too large.
    """
    transaction, target = executor.transaction, unit.statement.target
    if transaction is None or target is None or transaction.doomed or transaction.deferred:
        return
    if unit.size <= _SHORT and not unit.statement.computes:
        return
    backend, limits = executor.backend, executor.region.limits
    # A view has no rows of its own, and a role may write what it may not read.
    backend.ahead("SAVEPOINT weighing")
    found = None
    if sql := await _weighing(executor, target):
        found = await backend.ask(sql)
    backend.ahead("ROLLBACK TO SAVEPOINT weighing; RELEASE SAVEPOINT weighing")
    if found is None or found.error:
        return
    whole, row, column, key = (int(value or 0) for value in found.rows()[0])
    transaction.weights[target] = whole
    if key > limits.key:
        raise KeyTooLarge
    if column > limits.column:
        raise TooWide("column")
    if row > limits.row:
        raise TooWide("row")


async def _weighing(executor: "Executor", target: str) -> str | None:
    """Return the query that weighs our own rows of a table; it is kept for the session."""
    kept = executor.weighing.get(target)
    if kept is None or kept[0] != executor.region.catalog.now:
        kept = executor.region.catalog.now, await _composed(executor, target)
        executor.weighing[target] = kept
    return kept[1]


async def _composed(executor: "Executor", target: str) -> str | None:
    table = target.replace("'", "''")
    columns = await executor.backend.ask(
        f"SELECT attnum, quote_ident(attname), typname FROM pg_attribute "
        f"JOIN pg_type ON pg_type.oid = atttypid WHERE attrelid = to_regclass('{table}') "
        f"AND attnum > 0 AND NOT attisdropped"
    )
    keys = await executor.backend.ask(
        f"SELECT array_to_string(indkey[0:indnkeyatts - 1], ' ') FROM pg_index "
        f"WHERE indrelid = to_regclass('{table}')"
    )
    if columns.error or keys.error or not columns.rows():
        return None
    sizes = {n: _size(name or "", kind) for n, name, kind in columns.rows()}
    indexed = [(row[0] or "").split() for row in keys.rows()]
    sums = ["+".join(sizes[n] for n in key if n in sizes) or "0" for key in indexed]
    members = {n for key in indexed for n in key}
    plain = [size for n, size in sizes.items() if n not in members]
    return (
        f"SELECT sum(whole), max(whole), max(widest), max(longest) FROM ("
        f"SELECT {'+'.join(sizes.values())} AS whole, greatest({', '.join(['0', *plain])}) "
        f"AS widest, greatest({', '.join(['0', *sums])}) AS longest FROM {target} WHERE {_OWN}) own"
    )


def _size(name: str, kind: str | None) -> str:
    if kind in _TEXTS:
        return f"coalesce(octet_length({name}), 0)"
    if kind in _DOCUMENTS:
        return f"coalesce(octet_length({name}::text), 0)"
    return f"coalesce(pg_column_size({name}), 0)"
