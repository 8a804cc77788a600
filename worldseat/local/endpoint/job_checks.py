"""What is wrong with an ASYNC statement before it becomes a job: its text, or the catalog."""

from worldseat.local.endpoint.backend import Backend
from worldseat.local.endpoint.index_rules import UNSUPPORTED_KEYS
from worldseat.local.endpoint.job_statements import Asked, read
from worldseat.local.endpoint.limits import Limits
from worldseat.local.endpoint.sql import literal, tokens
from worldseat.local.endpoint.wire import Refusal


async def check(backend: Backend, sql: str, limits: Limits) -> None:
    """Refuse what fails for its text or the catalog, not for its data; in a transaction.

    The index is made on an empty table of the same shape. Raises Refusal.
    """
    asked = read(sql)
    if asked.kind == "VALIDATE_CONSTRAINT":
        await _check_constraint(backend, asked)
        return
    await _ask(backend, "SAVEPOINT probe")
    await _ask(backend, f"CREATE TEMP TABLE worldseat_probe (LIKE {asked.table})")
    unique = "UNIQUE" if asked.unique else ""
    await _ask(backend, f"CREATE {unique} INDEX ON pg_temp.worldseat_probe {asked.rest}")
    await _check_keys(backend)
    await _ask(backend, "ROLLBACK TO SAVEPOINT probe")
    await _check_name_and_number(backend, asked, limits.indexes)


async def _check_constraint(backend: Backend, asked: Asked) -> None:
    # The cast says "relation ... does not exist" where there is none.
    found = await _ask(
        backend,
        f"SELECT 1 FROM pg_constraint WHERE conrelid = {literal(asked.table)}::regclass "
        f"AND conname = {literal(asked.name)}",
    )
    if not found:
        bare = tokens(asked.table)[-1].name
        message = f'constraint "{asked.name}" of relation "{bare}" does not exist'
        raise Refusal("42704", message)


async def _check_keys(backend: Backend) -> None:
    keys = await _ask(
        backend,
        "SELECT attname, format_type(atttypid, NULL) FROM pg_index JOIN pg_attribute "
        "ON attrelid = indexrelid AND attnum <= indnkeyatts "
        "WHERE indrelid = 'pg_temp.worldseat_probe'::regclass",
    )
    for name, kind in keys:
        if kind in UNSUPPORTED_KEYS:
            message = f'column "{name}" of type {kind} is not supported as an index key'
            raise Refusal("0A000", message)


async def _check_name_and_number(backend: Backend, asked: Asked, most: int) -> None:
    table = f"{literal(asked.table)}::regclass"
    taken = await _ask(
        backend,
        f"SELECT 1 FROM pg_class c WHERE relname = {literal(asked.name)} AND relnamespace = "
        f"(SELECT relnamespace FROM pg_class WHERE oid = {table})",
    )
    if taken and asked.if_not_exists:
        return
    if taken:
        raise Refusal("42P07", f'relation "{asked.name}" already exists')
    count = await _ask(backend, f"SELECT count(*) FROM pg_index WHERE indrelid = {table}")
    if int(count[0][0] or 0) >= most:
        message = f"more than {most} indexes per table are not allowed"
        raise Refusal("54000", message)


async def _ask(backend: Backend, sql: str) -> list[list[str | None]]:
    reply = await backend.ask(sql)
    if reply.error:
        raise Refusal(reply.sqlstate, reply.error["M"], detail=reply.error.get("D"))
    return reply.rows()
