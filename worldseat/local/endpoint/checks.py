"""What can be told of a statement before PostgreSQL is asked to run it."""

import re
from typing import TYPE_CHECKING

from worldseat.local.endpoint import rules
from worldseat.local.endpoint.limits import TooOld
from worldseat.local.endpoint.sql import literal, tokens
from worldseat.local.endpoint.statements import DEFINERS, WRITERS, Kind, Statement
from worldseat.local.endpoint.transaction import SchemaChanged, Transaction
from worldseat.local.endpoint.units import Unit
from worldseat.local.endpoint.wire import Refusal

if TYPE_CHECKING:
    from worldseat.local.endpoint.execution import Executor


async def check(executor: "Executor", unit: Unit) -> None:
    """Raise Refusal for what can be told before PostgreSQL is asked."""
    statement, transaction = unit.statement, executor.transaction
    if refused := await _refusal(executor, statement):
        raise refused
    if statement.kind in (Kind.ROLLBACK, Kind.EMPTY):
        return
    if transaction is not None:
        if transaction.age() > executor.region.limits.transaction_seconds:
            raise TooOld
        _check_mixture(transaction, statement.kind)
    outdated = executor.seen < executor.region.catalog.now
    if outdated and statement.kind not in (Kind.BEGIN, Kind.COMMIT):
        # Once: the next statement sees the new schema.
        executor.seen = executor.region.catalog.now
        raise SchemaChanged


async def _refusal(executor: "Executor", statement: Statement) -> Refusal | None:
    """Return what the rules say, domains of the database being types like any other."""
    refused, sql = statement.refused, statement.sql
    while (name := rules.unknown_type(refused)) and await _is_domain(executor, name):
        judged = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "text", sql, flags=re.IGNORECASE)
        if judged == sql:
            break
        sql = judged
        refused = rules.refusal(sql, tokens(sql))
    return refused


async def _is_domain(executor: "Executor", name: str) -> bool:
    rows = await executor.backend.rows(
        f"SELECT 1 FROM pg_type WHERE oid = to_regtype({literal(name)}) AND typtype = 'd'"
    )
    return bool(rows)


def _check_mixture(transaction: Transaction, kind: Kind) -> None:
    ddl = kind in DEFINERS
    if ddl and transaction.ddl:
        message = "multiple ddl statements not supported in a transaction"
        raise Refusal("0A000", message)
    if (ddl and transaction.wrote) or (kind in WRITERS and transaction.ddl):
        raise Refusal("0A000", "ddl and dml are not supported in the same transaction")
    if kind is Kind.CALL:
        raise Refusal("0A000", "CALL is not supported in a transaction")
