"""Faults on demand, and the counters."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from types import SimpleNamespace

import psycopg
import pytest
from psycopg import errors

from tests.helpers.endpoints import Connect, parameters
from tests.helpers.waiting import wait_until
from worldseat.local.endpoint import faults
from worldseat.local.endpoint.control import Control, ControlFailed
from worldseat.local.endpoint.launch import Endpoint

SELL = "UPDATE {} SET buyer = %s WHERE id = 1"


def buyer(connect: Connect, endpoint: Endpoint, table: str) -> object:
    found = connect(endpoint).execute(f"SELECT buyer FROM {table} WHERE id = 1").fetchone()
    assert found is not None
    return found[0]


def test_answers_the_next_commits_with_a_conflict(
    connect: Connect, east: Endpoint, west: Endpoint, table: str
) -> None:
    east.control.set(conflicts=2)
    connection, autocommit = connect(east), connect(east, autocommit=True)
    connection.execute("SELECT 1")
    connection.commit()  # who has written nothing has no conflict
    connection.execute(SELL.format(table), ["a"])
    with pytest.raises(errors.SerializationFailure, match="OC000"):
        connection.commit()
    with pytest.raises(errors.SerializationFailure, match="OC000"):
        autocommit.execute(SELL.format(table), ["a"])
    assert buyer(connect, west, table) is None
    connection.execute(SELL.format(table), ["a"])
    connection.commit()
    assert buyer(connect, west, table) == "a"


def test_answers_a_share_of_the_commits_with_a_conflict(
    connect: Connect, east: Endpoint, table: str
) -> None:
    def outcomes() -> list[bool]:
        east.control.set(conflict_share=0.5, seed=7)
        found = []
        for _ in range(20):
            connection.execute(SELL.format(table), ["a"])
            try:
                connection.commit()
            except errors.SerializationFailure:
                found.append(False)
            else:
                found.append(True)
        return found

    connection = connect(east)
    first = outcomes()
    assert 0 < sum(first) < 20
    assert outcomes() == first


def test_loses_the_answer_to_a_share_of_the_commits(
    connect: Connect, east: Endpoint, table: str
) -> None:
    east.control.set(cut_share=0.5, seed=7)
    answered = 0
    for number in range(12):
        connection = connect(east)
        connection.execute(SELL.format(table), [str(number)])
        with contextlib.suppress(psycopg.OperationalError):
            connection.commit()
            answered += 1
        assert buyer(connect, east, table) == str(number), "stored, whatever the client hears"
    assert 0 < answered < 12


@pytest.mark.parametrize(("fault", "stored"), [("before", None), ("after", "a")])
@pytest.mark.parametrize("autocommit", [False, True])
def test_cuts_the_connection_around_commit(
    connect: Connect,
    east: Endpoint,
    west: Endpoint,
    table: str,
    fault: str,
    stored: str | None,
    autocommit: bool,
) -> None:
    east.control.set(**{f"cut_{fault}_commit": 1})
    connection = connect(east, autocommit=autocommit)

    def write() -> None:
        connection.execute(SELL.format(table), ["a"])
        connection.commit()

    with pytest.raises(psycopg.OperationalError) as error:
        write()
    assert error.value.sqlstate is None
    assert connection.closed
    assert buyer(connect, west, table) == stored


def test_cuts_a_region_off(connect: Connect, east: Endpoint, west: Endpoint) -> None:
    connection = connect(east)
    east.control.set(down="cut")
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(**parameters(east))
    assert connect(west).execute("SELECT 1").fetchone() == (1,)
    east.control.clear()
    assert connect(east).execute("SELECT 1").fetchone() == (1,)


def test_lets_a_region_hang(connect: Connect, east: Endpoint) -> None:
    east.control.set(down="hang")
    with pytest.raises(psycopg.errors.ConnectionTimeout):
        psycopg.connect(**parameters(east, connect_timeout=2))
    # Who has given up is gone, and is not the next one to be refused.
    east.control.set(down="", too_many=1)
    with pytest.raises(psycopg.OperationalError, match="too many open connections"):
        psycopg.connect(**parameters(east))


def test_answers_what_was_asked_while_a_region_hung(connect: Connect, east: Endpoint) -> None:
    connection = connect(east, autocommit=True)
    east.control.set(down="hang")
    asked = threading.Event()
    answers: list[object] = []

    def ask() -> None:
        asked.set()
        answers.append(connection.execute("SELECT 1").fetchone())

    thread = threading.Thread(target=ask)
    thread.start()
    asked.wait()
    thread.join(0.3)
    assert answers == []
    east.control.clear()
    thread.join(30)
    assert answers == [(1,)]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("too_many", "too many open connections"),
        ("rate", "rate exceeded"),
        ("waking", "waking up cluster, please retry later"),
    ],
)
def test_refuses_connections(connect: Connect, east: Endpoint, fault: str, words: str) -> None:
    east.control.set(**{fault: 1})
    with pytest.raises(psycopg.OperationalError, match=words):
        psycopg.connect(**parameters(east))
    assert connect(east).execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("latency", ["latency", "commit_latency"])
def test_is_far_away(
    connect: Connect, east: Endpoint, west: Endpoint, table: str, latency: str
) -> None:
    far, near = connect(east, autocommit=True), connect(west, autocommit=True)
    before = east.control.counters()["round_trips"]
    east.control.set(**{latency: 600})
    answers: list[object] = []

    def sell() -> None:
        far.execute(SELL.format(table), ["a"])
        answers.append("sold")

    thread = threading.Thread(target=sell)
    thread.start()
    wait_until(
        lambda: east.control.counters()["round_trips"] == before + 1, what="it is on its way"
    )
    thread.join(0.3)
    assert near.execute(f"SELECT buyer FROM {table} WHERE id = 1").fetchone() == (None,)
    assert answers == []
    east.control.clear()
    thread.join(30)
    assert answers == ["sold"]


@pytest.mark.parametrize("latency", ["latency", "commit_latency"])
def test_waits_as_long_as_told(monkeypatch: pytest.MonkeyPatch, latency: str) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(faults, "asyncio", SimpleNamespace(sleep=sleep))
    monkeypatch.setattr(faults, "monotonic", lambda: sum(slept))
    asyncio.run(faults.Faults(**{latency: 0.13}).wait(latency))  # type: ignore[arg-type]
    assert sum(slept) == pytest.approx(0.13)


def test_counts_round_trips(connect: Connect, east: Endpoint, table: str) -> None:
    connection = connect(east)
    before = east.control.counters()
    connection.execute(SELL.format(table), ["a"])  # BEGIN and UPDATE
    connection.commit()
    after = east.control.counters()
    assert after["round_trips"] - before["round_trips"] == 3
    assert after["commits"] - before["commits"] == 1
    assert after["conflicts"] == before["conflicts"]


@pytest.mark.parametrize(
    "bad",
    [
        {"conflict": 1},
        {"conflicts": -1},
        {"conflict_share": 2},
        {"cut_share": 2},
        {"down": "up"},
        {"rate": 0.5},
    ],
)
def test_refuses_a_fault_that_is_none(east: Endpoint, bad: dict[str, object]) -> None:
    before = east.control.faults()
    with pytest.raises(ControlFailed, match="fault"):
        east.control.set(**bad)
    assert east.control.faults() == before


def test_refuses_who_does_not_know_the_secret(east: Endpoint) -> None:
    with pytest.raises(ControlFailed, match="secret"):
        Control(east.control.url, "wrong").counters()
