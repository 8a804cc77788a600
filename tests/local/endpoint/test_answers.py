"""What a transaction is told of writes that are not made: the same as if they were."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors

from tests.helpers.endpoints import Connect, settled
from worldseat.local.endpoint.launch import Endpoint

WRITES = [
    ("UPDATE {t} SET buyer = %s WHERE id < 3", "UPDATE 2"),
    ("UPDATE {t} AS s SET buyer = %s FROM {t} o WHERE o.id = s.id AND o.id > 1", "UPDATE 3"),
    ("DELETE FROM {t} s USING {t} o WHERE s.id = o.id AND s.code <> %s", "DELETE 4"),
    ("DELETE FROM {t} WHERE buyer = %s", "DELETE 0"),
]


@pytest.mark.parametrize(("sql", "told"), WRITES)
@pytest.mark.parametrize("cursor", [psycopg.Cursor, psycopg.ClientCursor])
def test_counts_rows_that_another_one_has_written(
    connect: Connect,
    east: Endpoint,
    west: Endpoint,
    table: str,
    sql: str,
    told: str,
    cursor: type[psycopg.Cursor[tuple[object, ...]]],
) -> None:
    first, second = connect(east), connect(west, cursor_factory=cursor)
    first.execute(f"UPDATE {table} SET buyer = 'first'")
    assert second.execute(sql.format(t=table), ["x"]).statusmessage == told
    first.rollback()
    second.commit()


@pytest.mark.parametrize("cursor", [psycopg.Cursor, psycopg.ClientCursor])
def test_answers_writes_of_a_transaction_that_is_lost(
    connect: Connect,
    east: Endpoint,
    west: Endpoint,
    table: str,
    cursor: type[psycopg.Cursor[tuple[object, ...]]],
) -> None:
    settled(connect(east, autocommit=True), f"CREATE TABLE {table}_line (LIKE {table})")
    first, second = connect(east), connect(west, cursor_factory=cursor)
    second.execute(f"SELECT * FROM {table}")
    first.execute(f"UPDATE {table} SET buyer = 'first' WHERE id = 1")
    first.commit()
    lost = f"UPDATE {table} SET buyer = %s WHERE id = 1"
    assert second.execute(lost, ["second"]).rowcount == 1
    insert = f"INSERT INTO {table}_line VALUES (%s, %s) RETURNING id, state"
    assert second.execute(insert, [9, "held"]).fetchone() == (9, "held")
    with pytest.raises(errors.SerializationFailure, match="OC000"):
        second.commit()
    assert first.execute(f"SELECT count(*) FROM {table}_line").fetchone() == (0,)
