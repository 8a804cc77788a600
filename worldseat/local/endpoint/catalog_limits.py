"""How many tables, schemas, columns and indexes there may be: looked at behind the change."""

from worldseat.local.endpoint.backend import Backend
from worldseat.local.endpoint.limits import Limits
from worldseat.local.endpoint.wire import Refusal

_OURS = "nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'sys')"
# Of all rows of the catalog that a snapshot shows, those with a younger transaction id are ours.
_COUNTED = f"""
WITH space AS (SELECT oid FROM pg_namespace WHERE {_OURS}), changed AS (
    SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace IN (SELECT oid FROM space)
    AND xmin::text::bigint >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint % 4294967296
) SELECT
    (SELECT count(*) FROM space),
    (SELECT count(*) FROM pg_class
        WHERE relkind = 'r' AND relnamespace IN (SELECT oid FROM space)),
    (SELECT max(n) FROM (SELECT count(*) AS n FROM pg_attribute WHERE attnum > 0
        AND NOT attisdropped AND attrelid IN (SELECT oid FROM changed) GROUP BY attrelid) c),
    (SELECT max(n) FROM (SELECT count(*) AS n FROM pg_index
        WHERE indrelid IN (SELECT oid FROM changed) GROUP BY indrelid) i),
    (SELECT max(indnkeyatts) FROM pg_index WHERE indrelid IN (SELECT oid FROM changed))
"""


async def check(backend: Backend, limits: Limits) -> None:
    """Raise Refusal where the transaction's change of the schema has passed a limit."""
    ((schemas, tables, columns, indexes, keys),) = await backend.rows(_COUNTED)
    told = (
        (schemas, limits.schemas, "54000", "more than {} schemas not allowed"),
        (tables, limits.tables, "54000", "creating more than {} tables not allowed"),
        (columns, limits.columns, "54011", "tables can have at most {} columns"),
        (indexes, limits.indexes, "54000", "more than {} indexes per table are not allowed"),
        (keys, 8, "54011", "more than {} column keys in an index are not supported"),
    )
    for found, most, code, message in told:
        if int(found or 0) > most:
            raise Refusal(code, message.format(most))
