"""@occ_retry and a connection that breaks: in the body nothing is stored, in COMMIT who knows."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection

from tests.dsql.relay import Relay
from tests.dsql.rows import count, insert, read, write
from tests.helpers.databases import Session
from worldseat.dsql.occ import OutcomeUnknown, occ_retry, tally


def own_process() -> int:
    """Return the server process of Django's connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        row: tuple[int] = cursor.fetchone()
        return row[0]


def test_runs_again_on_a_new_connection_when_it_breaks_in_the_body(
    rival_session: Session, waits: list[float]
) -> None:
    processes: list[int] = []

    @occ_retry()
    def body() -> None:
        write(read() + 1)
        processes.append(own_process())
        if len(processes) == 1:
            rival_session.execute("SELECT pg_terminate_backend(%s, 5000)", [processes[0]])
        read()

    with tally() as counted:
        body()
    assert len(set(processes)) == 2
    assert read() == 1
    assert (counted.attempts, counted.connections_lost) == (2, 1)


def test_runs_on_when_the_idle_connection_was_closed(
    rival_session: Session, waits: list[float]
) -> None:
    rival_session.execute("SELECT pg_terminate_backend(%s, 5000)", [own_process()])

    @occ_retry()
    def body() -> None:
        write(7)

    body()
    assert read() == 7


@pytest.mark.parametrize(("cut", "rows"), [("before", 1), ("after", 2)])
def test_says_unknown_when_commit_got_no_answer(relay: Relay, cut: str, rows: int) -> None:
    runs: list[int] = []

    @occ_retry()
    def body() -> None:
        runs.append(1)
        insert(2)
        relay.cut = cut

    with tally() as counted, pytest.raises(OutcomeUnknown, match="look before you repeat"):
        body()
    assert runs == [1]
    assert counted.connections_lost == 1
    assert count() == rows


@pytest.mark.parametrize("cut", ["before", "after"])
def test_runs_a_repeatable_function_again_when_commit_got_no_answer(
    relay: Relay, waits: list[float], cut: str
) -> None:
    runs: list[int] = []

    @occ_retry(repeatable=True)
    def body() -> None:
        runs.append(1)
        if count() == 1:
            insert(2)
        if len(runs) == 1:
            relay.cut = cut

    body()
    assert runs == [1, 1]
    assert count() == 2


@pytest.mark.parametrize(("key", "expected"), [("k", 2), (None, 1)])
def test_asks_of_the_arguments_whether_it_may_repeat(
    relay: Relay, waits: list[float], key: str | None, expected: int
) -> None:
    runs: list[int] = []

    def is_keyed(*, key: str | None) -> bool:
        return key is not None

    @occ_retry(repeatable=is_keyed)
    def body(*, key: str | None) -> None:
        runs.append(1)
        if count() == 1:
            insert(2)
        if len(runs) == 1:
            relay.cut = "after"

    try:
        body(key=key)
    except OutcomeUnknown:
        assert key is None
    assert len(runs) == expected


def test_still_says_unknown_when_the_server_then_stays_away(
    relay: Relay, waits: list[float]
) -> None:
    @occ_retry(repeatable=True, attempts=3)
    def body() -> None:
        insert(2)
        relay.cut, relay.refuse = "after", True

    with tally() as counted, pytest.raises(OutcomeUnknown):
        body()
    assert counted.attempts == 3
    relay.refuse = False
    assert count() == 2


def test_still_says_unknown_when_the_next_run_fails_otherwise(
    relay: Relay, waits: list[float]
) -> None:
    runs: list[int] = []

    @occ_retry(repeatable=True)
    def body() -> None:
        runs.append(1)
        insert(2)  # not repeatable in truth: the second run finds the row
        relay.cut = "after"

    with pytest.raises(OutcomeUnknown, match="duplicate key"):
        body()
    assert runs == [1, 1]


def test_does_not_run_the_body_without_a_connection(relay: Relay, waits: list[float]) -> None:
    connection.close()
    relay.refuse = True
    runs: list[int] = []

    @occ_retry()
    def body() -> None:
        runs.append(1)

    with pytest.raises(OperationalError) as caught:
        body()
    assert not isinstance(caught.value, OutcomeUnknown)
    assert runs == []
    relay.refuse = False
