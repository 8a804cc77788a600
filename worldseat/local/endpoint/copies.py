"""Private copies: what a write would have answered, had it not met another transaction's row."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from worldseat.local.endpoint.sql import Token, at_top, identifier, literal, locks, path_end, tokens
from worldseat.local.endpoint.statements import Kind
from worldseat.local.endpoint.transaction import Conflict
from worldseat.local.endpoint.units import NO_TYPES, Unit
from worldseat.local.endpoint.wire import Reply, frames

if TYPE_CHECKING:
    from worldseat.local.endpoint.execution import Executor

_END_OF_FROM = ("where", "group", "having", "window", "order", "limit", "offset", "fetch", "for")
_NO_ALIAS = (
    *("where", "set", "using", "from", "returning", "values", "select", "on", "join", "left"),
    *("right", "full", "inner", "cross", "natural", "default", "overriding", *_END_OF_FROM),
)


async def answer(executor: "Executor", unit: Unit) -> Reply:
    """Run a write on a copy of the rows it concerns and undo it; raises Conflict if it cannot be.

    The copy is a temporary table of the same name, which PostgreSQL finds first. It is spared where
    the client is told no more than how many rows there are: on a hot row, most of the time.
    """
    write = _Write.read(unit)
    if write is None:
        raise Conflict
    if write.rows is not None and not write.returns and unit.tells_no_columns:
        return await _counted(executor, unit, write.rows)
    backend = executor.backend
    bare = identifier(write.name)
    made = await backend.ask(
        # A copy takes nobody's rows: what it might wait for is short.
        f"SAVEPOINT copy; SET LOCAL lock_timeout = 0; CREATE TEMP TABLE worldseat_copy "
        f"(LIKE {write.target} INCLUDING DEFAULTS INCLUDING IDENTITY)"
    )
    if made.error:
        raise Conflict
    await resolve(executor, unit)
    if write.rows is not None:
        filling = "INSERT INTO pg_temp.worldseat_copy OVERRIDING SYSTEM VALUE SELECT"
        await _step(executor, unit.with_text(f"{filling} {write.alias}.* {write.rows}"))
    renamed = await backend.ask(f"ALTER TABLE pg_temp.worldseat_copy RENAME TO {bare}")
    if renamed.error:
        raise Conflict
    reply = await _step(executor, unit.with_text(write.retargeted(bare)))
    await backend.ask("ROLLBACK TO SAVEPOINT copy; RELEASE SAVEPOINT copy")
    return reply


async def _counted(executor: "Executor", unit: Unit, rows: str) -> Reply:
    """Answer a write that returns no rows with their number."""
    await resolve(executor, unit)
    found = await _step(executor, unit.with_text(f"SELECT 1 {rows}"))
    tag = f"{unit.statement.verb.upper()} {found.count}"
    return Reply(data=bytearray(unit.completed(tag)), tag=tag)


async def touching(executor: "Executor", unit: Unit) -> list[str]:
    """Return the updates that write the rows which a FOR UPDATE locks, changing nothing."""
    statement = unit.statement
    sql = statement.forward
    words = tokens(sql)
    clauses = [lock for lock in locks(words) if lock.strength == "no key update"]
    start = at_top(words, "from")
    if statement.kind is not Kind.LOCK or start is None or not words[0].is_word("select"):
        return []
    wanted = {name for lock in clauses for name in lock.of}
    await resolve(executor, unit)
    updates = []
    for table, alias in _sources(sql, words, start):
        column = await _first_column(executor, table) if not wanted or alias in wanted else None
        if column is None:
            continue
        name = identifier(alias)
        rows = f"SELECT {name}.ctid AS place {sql[words[start].start :]}"
        updates.append(
            f"WITH locked AS MATERIALIZED ({rows}) "
            f"UPDATE {table} AS touched SET {column} = touched.{column} "
            f"FROM locked WHERE touched.ctid = locked.place"
        )
    return updates


@dataclass
class _Write:
    """A plain INSERT, UPDATE or DELETE taken apart.

    `rows` is the end of a query of the rows that it concerns (FROM ...), the table being `alias`.
    `returns` says that there is a RETURNING clause.
    """

    sql: str
    target: str
    name: str
    start: int
    returns: bool
    alias: str
    rows: str | None

    @classmethod
    def read(cls, unit: Unit) -> "_Write | None":
        statement = unit.statement
        if statement.target is None or statement.target_name is None:
            return None
        sql = statement.forward
        words = tokens(sql)
        first = next(
            i for i, w in enumerate(words) if sql.startswith(statement.target, w.start) and i
        )
        returns = at_top(words, "returning") is not None
        alias = identifier(_alias(words, path_end(words, first)) or statement.target_name)
        rows = None
        if statement.verb != "insert":
            rows = _concerned(sql, words, first, f"{statement.target} AS {alias}")
        start = words[first].start
        return cls(sql, statement.target, statement.target_name, start, returns, alias, rows)

    def retargeted(self, name: str) -> str:
        """Return the statement with the unqualified name of the table."""
        return self.sql[: self.start] + name + self.sql[self.start + len(self.target) :]


def _concerned(sql: str, words: list[Token], at: int, target: str) -> str:
    """Return the FROM and WHERE of the rows that an UPDATE or DELETE changes."""
    where = at_top(words, "where", after=at)
    returning = at_top(words, "returning", after=at)
    end = words[returning].start if returning is not None else len(sql)
    others = at_top(words, "using" if words[0].is_word("delete") else "from", after=at)
    source = ""
    if others is not None and (where is None or others < where):
        stop = words[where].start if where is not None else end
        source = f"FROM {sql[words[others].end : stop]}"
    condition = sql[words[where].end : end] if where is not None else "true"
    return f"FROM {target} WHERE EXISTS (SELECT 1 {source} WHERE {condition})"


def _alias(words: list[Token], at: int) -> str | None:
    """Return the alias at `at`, behind a table's name, if there is one."""
    if at < len(words) and words[at].is_word("as"):
        at += 1
    elif at < len(words) and words[at].is_word(*_NO_ALIAS):
        return None
    return words[at].name if at < len(words) and words[at].kind in ("word", "quoted") else None


def _sources(sql: str, words: list[Token], start: int) -> list[tuple[str, str]]:
    """Return (table as spelled, alias) of each table of a FROM clause."""
    found = []
    for index in range(start, len(words) - 1):
        token = words[index]
        if token.depth == 0 and token.is_word(*_END_OF_FROM):
            break
        if token.depth or not (token.is_word("from", "join") or token.text == ","):
            continue
        if words[index + 1].kind in ("word", "quoted"):
            end = path_end(words, index + 1)
            table = sql[words[index + 1].start : words[end - 1].end]
            found.append((table, _alias(words, end) or words[end - 1].name))
    return found


async def _first_column(executor: "Executor", table: str) -> str | None:
    rows = await executor.backend.rows(
        f"SELECT quote_ident(attname) FROM pg_attribute "
        f"WHERE attrelid = to_regclass({literal(table)}) AND attnum > 0 "
        f"AND NOT attisdropped AND attgenerated = '' AND attidentity = '' "
        f"ORDER BY attnum LIMIT 1"
    )
    return rows[0][0] if rows else None


async def resolve(executor: "Executor", unit: Unit) -> None:
    """Learn the types of the parameters: a text that uses some of them only gives no hint."""
    if unit.simple or unit.resolved is not None:
        return
    await executor.backend.send(unit.describe())
    reply = await executor.backend.reply()
    found = [payload for kind, payload in frames(reply.data) if kind == b"t"]
    unit.resolved = found[0] if found else NO_TYPES


async def _step(executor: "Executor", request: bytes) -> Reply:
    await executor.backend.send(request)
    reply = await executor.backend.reply()
    if reply.error:
        raise Conflict
    return reply
