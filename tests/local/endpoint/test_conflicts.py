"""Conflicts: at COMMIT, the first to commit wins, and nobody waits."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest
from psycopg import errors

from tests.helpers.endpoints import Connect
from worldseat.local.endpoint.launch import Endpoint

SELL = "UPDATE {} SET state = 'sold', buyer = %s WHERE id = 1 AND state = 'available'"


def buyer_of(connection: psycopg.Connection[Any], table: str) -> object:
    row = connection.execute(f"SELECT buyer FROM {table} WHERE id = 1").fetchone()
    connection.rollback()
    assert row is not None
    return row[0]


@pytest.mark.parametrize("cursor", [psycopg.Cursor, psycopg.ClientCursor])
def test_refuses_the_second_to_commit(
    connect: Connect, east: Endpoint, west: Endpoint, table: str, cursor: type[psycopg.Cursor[Any]]
) -> None:
    first = connect(east, cursor_factory=cursor)
    second = connect(west, cursor_factory=cursor)
    assert first.execute(SELL.format(table), ["a"]).rowcount == 1
    assert second.execute(SELL.format(table), ["b"]).rowcount == 1  # it does not wait, nor fail
    first.commit()
    with pytest.raises(errors.SerializationFailure, match=r"change conflicts .* \(OC000\)"):
        second.commit()
    assert second.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    assert buyer_of(second, table) == "a"


def test_lets_the_first_to_commit_win_although_it_wrote_second(
    connect: Connect, east: Endpoint, west: Endpoint, table: str
) -> None:
    first, second = connect(east), connect(west)
    first.execute(SELL.format(table), ["a"])
    assert second.execute(SELL.format(table), ["b"]).rowcount == 1
    second.commit()
    with pytest.raises(errors.SerializationFailure, match="OC000"):
        first.commit()
    assert buyer_of(first, table) == "b"


def test_lets_a_write_in_autocommit_win(
    connect: Connect, east: Endpoint, west: Endpoint, table: str
) -> None:
    slow, quick = connect(east), connect(west, autocommit=True)
    slow.execute(SELL.format(table), ["a"])
    assert quick.execute(SELL.format(table), ["b"]).rowcount == 1
    with pytest.raises(errors.SerializationFailure, match="OC000"):
        slow.commit()
    assert buyer_of(slow, table) == "b"


def test_tells_of_a_row_committed_since_the_snapshot_at_commit(
    connect: Connect, east: Endpoint, west: Endpoint, table: str
) -> None:
    first, second = connect(east), connect(west)
    second.execute(f"SELECT * FROM {table}")
    first.execute(SELL.format(table), ["a"])
    first.commit()
    row = second.execute(SELL.format(table) + " RETURNING id, buyer", ["b"]).fetchone()
    assert row == (1, "b")
    with pytest.raises(errors.SerializationFailure, match="OC000"):
        second.commit()
    assert buyer_of(second, table) == "a"


def test_commits_when_the_other_one_rolls_back(
    connect: Connect, east: Endpoint, west: Endpoint, table: str
) -> None:
    first, second = connect(east), connect(west)
    first.execute(SELL.format(table), ["a"])
    second.execute(SELL.format(table), ["b"])
    first.rollback()
    second.commit()
    assert buyer_of(first, table) == "b"


def test_lets_one_of_two_that_crossed_commit(
    connect: Connect, east: Endpoint, west: Endpoint, table: str
) -> None:
    first, second = connect(east), connect(west)
    sell = f"UPDATE {table} SET buyer = %s WHERE id = %s"
    first.execute(sell, ["a", 1])
    second.execute(sell, ["b", 2])
    first.execute(sell, ["a", 2])
    second.execute(sell, ["b", 1])
    second.commit()
    with pytest.raises(errors.SerializationFailure, match="OC000"):
        first.commit()
    rows = first.execute(f"SELECT buyer FROM {table} WHERE id < 3").fetchall()
    assert rows == [("b",), ("b",)]


def test_takes_two_inserts_of_one_key_for_a_conflict(
    connect: Connect, east: Endpoint, west: Endpoint, table: str
) -> None:
    first, second = connect(east), connect(west)
    insert = f"INSERT INTO {table} (id, code) VALUES (%s, %s) RETURNING state"
    first.execute(insert, [10, "x"])
    assert second.execute(insert, [11, "x"]).fetchone() == ("available",)
    first.commit()
    with pytest.raises(errors.SerializationFailure, match="OC000"):
        second.commit()


def test_takes_a_key_committed_since_the_snapshot_for_a_conflict(
    connect: Connect, east: Endpoint, west: Endpoint, table: str
) -> None:
    first, second = connect(east), connect(west)
    second.execute(f"SELECT * FROM {table}")
    first.execute(f"INSERT INTO {table} (id, code) VALUES (10, 'x')")
    first.commit()
    second.execute(f"UPDATE {table} SET code = 'x' WHERE id = 2")
    with pytest.raises(errors.SerializationFailure, match="OC000"):
        second.commit()


def test_reports_a_key_that_was_taken_before(connect: Connect, east: Endpoint, table: str) -> None:
    connection = connect(east)
    with pytest.raises(errors.UniqueViolation):
        connection.execute(f"INSERT INTO {table} (id, code) VALUES (10, 'c1')")
    connection.rollback()
    with pytest.raises(errors.UniqueViolation):
        connection.execute(f"UPDATE {table} SET code = 'c1' WHERE id = 2")
    with pytest.raises(errors.InFailedSqlTransaction):
        connection.execute("SELECT 1")
    connection.rollback()


def test_judges_for_update_as_a_write(
    connect: Connect, east: Endpoint, west: Endpoint, table: str
) -> None:
    first, second = connect(east), connect(west)
    lock = f"SELECT s.state FROM {table} s WHERE s.id = %s ORDER BY s.code LIMIT 1 FOR UPDATE"
    second.execute("SELECT 1")
    second.execute(f"SELECT * FROM {table}")
    first.execute(lock, [1])
    first.commit()
    assert second.execute(lock, [1]).fetchone() == ("available",)
    with pytest.raises(errors.SerializationFailure, match="OC000"):
        second.commit()


def test_lets_a_foreign_key_be_used_while_its_row_is_changed(
    connect: Connect, east: Endpoint, west: Endpoint, table: str
) -> None:
    connect(east, autocommit=True).execute(
        f"CREATE TABLE {table}_ticket (id int PRIMARY KEY, seat int REFERENCES {table})"
    )
    first, second = connect(east), connect(west)
    first.execute(SELL.format(table), ["a"])
    second.execute(f"INSERT INTO {table}_ticket VALUES (1, 1)")
    second.commit()
    first.commit()


def test_gives_the_conflict_early_to_a_read_of_what_was_only_pretended(
    connect: Connect, east: Endpoint, west: Endpoint, table: str
) -> None:
    first, second = connect(east), connect(west)
    second.execute("SELECT 1 FROM " + table)
    first.execute(SELL.format(table), ["a"])
    first.commit()
    second.execute(SELL.format(table), ["b"])
    with pytest.raises(errors.SerializationFailure, match="OC000"):
        second.execute(f"SELECT * FROM {table}")
    second.rollback()


def test_waits_for_no_writer(connect: Connect, east: Endpoint, west: Endpoint, table: str) -> None:
    """The first writer sits on its row throughout; everyone else's statements are answered."""
    sitting = connect(east)
    sitting.execute(SELL.format(table), ["a"])
    others = [connect(west) for _ in range(5)]
    for number, other in enumerate(others):
        assert other.execute(SELL.format(table), [str(number)]).rowcount == 1
    others[3].commit()
    for other in [*others[:3], others[4], sitting]:
        with pytest.raises(errors.SerializationFailure, match="OC000"):
            other.commit()
    assert buyer_of(sitting, table) == "3"


def test_lets_one_of_sixty_naive_buyers_have_the_seat(
    connect: Connect, east: Endpoint, west: Endpoint, table: str
) -> None:
    connections = [connect(east if n % 2 else west) for n in range(60)]
    ready = threading.Barrier(len(connections))
    outcomes: list[str] = []

    def buy(number: int) -> None:
        connection = connections[number]
        ready.wait()
        row = connection.execute(f"SELECT state FROM {table} WHERE id = 1").fetchone()
        assert row is not None
        if row[0] != "available":
            outcomes.append("late")
            return
        connection.execute(f"UPDATE {table} SET buyer = %s, state = 'sold' WHERE id = 1", [number])
        try:
            connection.commit()
        except errors.SerializationFailure as error:
            outcomes.append("lost" if "OC000" in str(error) else str(error))
        else:
            outcomes.append(f"won {number}")

    threads = [threading.Thread(target=buy, args=[n]) for n in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 60
    (won,) = [o for o in outcomes if o.startswith("won")]
    assert set(outcomes) <= {won, "lost", "late"}
    assert buyer_of(connect(east), table) == won.removeprefix("won ")


def test_lets_one_of_two_that_crossed_and_commit_together_win(
    connect: Connect, east: Endpoint, west: Endpoint, table: str
) -> None:
    first, second = connect(east), connect(west)
    sell = f"UPDATE {table} SET buyer = %s WHERE id = %s"
    for connection, buyer, order in ((first, "a", (1, 2)), (second, "b", (2, 1))):
        connection.execute(sell, [buyer, order[0]])
    first.execute(sell, ["a", 2])
    second.execute(sell, ["b", 1])
    lost: list[psycopg.Error] = []

    def commit(connection: psycopg.Connection[Any]) -> None:
        try:
            connection.commit()
        except errors.SerializationFailure as error:
            lost.append(error)

    threads = [threading.Thread(target=commit, args=[c]) for c in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lost) == 1
    rows = first.execute(f"SELECT DISTINCT buyer FROM {table} WHERE id < 3").fetchall()
    assert len(rows) == 1
