"""Rows that our snapshot does not show, and that PostgreSQL's constraints count nevertheless.

What such a row forbids is a conflict on DSQL; what a row forbids that we see is a violation.
"""

import itertools
import re
from typing import TYPE_CHECKING

from worldseat.local.endpoint.copies import resolve
from worldseat.local.endpoint.sql import Token, at_top, identifier, literal, tokens
from worldseat.local.endpoint.transaction import CONFLICTS
from worldseat.local.endpoint.units import Unit
from worldseat.local.endpoint.wire import Reply

if TYPE_CHECKING:
    from worldseat.local.endpoint.execution import Executor


async def is_key_hidden(executor: "Executor", unit: Unit, violation: Reply) -> bool:
    """Say whether a unique key is taken by a row that our snapshot does not show.

    PostgreSQL's unique indexes know no snapshots. On DSQL two transactions that insert one key
    have written the same, which is a conflict; a key that was taken before is a violation.
    """
    text = unit.statement.forward
    words = tokens(text)
    if unit.statement.verb == "insert" and unit.statement.target and not _has_on_conflict(words):
        # At REPEATABLE READ this refuses a row which it may not see, with 40001.
        at = at_top(words, "returning")
        end = words[at].start if at is not None else len(text)
        await resolve(executor, unit)
        sql = f"{text[:end]} ON CONFLICT DO NOTHING {text[end:]}"
        await executor.backend.send(unit.with_text(sql))
        reply = await executor.backend.reply()
        await executor.backend.ask("ROLLBACK TO SAVEPOINT statement")
        return reply.sqlstate in CONFLICTS
    return await _key_is_hidden(executor, violation.error or {})


async def is_reference_hidden(executor: "Executor", violation: Reply) -> bool:
    """Say whether what still refers to a row is a row that our snapshot does not show.

    Its transaction held KEY SHARE on the row that we delete.
    """
    error = violation.error or {}
    # The key is not told to who may not read the table.
    told = re.match(r"Key \(.*\)=\((.*)\) is still referenced from", error.get("D", ""), re.DOTALL)
    if told is None or not {"s", "t", "n"} <= error.keys():
        return False
    found = await executor.backend.ask(
        f"SELECT quote_ident(attname) FROM pg_constraint CROSS JOIN LATERAL "
        f"unnest(conkey) WITH ORDINALITY AS own(number, place) JOIN pg_attribute "
        f"ON attrelid = conrelid AND attnum = number WHERE conname = {literal(error['n'])} "
        f"AND conrelid = to_regclass({literal(_table(error))}) ORDER BY place"
    )
    columns = [name or "" for (name,) in found.rows()]
    return bool(columns) and await _is_missing(executor, _table(error), columns, told.group(1))


async def _is_missing(executor: "Executor", table: str, columns: list[str], value: str) -> bool:
    key = ", ".join(f"({column})::text" for column in columns)
    found = await executor.backend.ask(
        f"SELECT 1 FROM {table} WHERE concat_ws(', ', {key}) = {literal(value)} LIMIT 1"
    )
    return found.error is None and not found.rows()


def _table(error: dict[str, str]) -> str:
    return f"{identifier(error['s'])}.{identifier(error['t'])}"


async def _key_is_hidden(executor: "Executor", error: dict[str, str]) -> bool:
    """Look for the row that has the key named in "Key (a, b)=(1, 2) already exists."."""
    head, _, rest = error.get("D", "").removeprefix("Key (").partition(")=(")
    value = rest.removesuffix(" already exists.").removesuffix(")")
    if not rest or "s" not in error or "t" not in error:
        return False
    words = tokens(head)
    edges = [-1, *(i for i, w in enumerate(words) if w.text == "," and w.depth == 0), len(words)]
    pairs = itertools.pairwise(edges)
    columns = [head[words[a + 1].start : words[b - 1].end] for a, b in pairs]
    return await _is_missing(executor, _table(error), columns, value)


def _has_on_conflict(words: list[Token]) -> bool:
    at = at_top(words, "conflict")
    return at is not None and words[at - 1].is_word("on")
