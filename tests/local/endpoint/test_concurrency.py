"""Many clients at once: nothing is lost, nobody hangs; and what one client can do to its own."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from tests.helpers.endpoints import Connect, parameters, settled
from tests.helpers.waiting import wait_until
from worldseat.local import state
from worldseat.local.endpoint import launch
from worldseat.local.endpoint.launch import Endpoint
from worldseat.local.processes import Supervisor

ASLEEP = (
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event = 'PgSleep'"
)
CLIENTS = 20
EACH = 3


@pytest.mark.timeout(300)  # twenty clients that do not wait, on two cores
def test_loses_no_update(connect: Connect, east: Endpoint, west: Endpoint, table: str) -> None:
    """Each client adds one to two rows, in an order of its own, until it has committed."""
    setup = connect(east, autocommit=True)
    settled(setup, f"UPDATE {table} SET buyer = '0'")
    connections = [connect(east if n % 2 else west) for n in range(CLIENTS)]

    def add(connection: psycopg.Connection[tuple[str]], rows: tuple[int, int]) -> None:
        for row in rows:
            found = connection.execute(f"SELECT buyer FROM {table} WHERE id = %s", [row]).fetchone()
            assert found is not None
            connection.execute(
                f"UPDATE {table} SET buyer = %s WHERE id = %s", [str(int(found[0]) + 1), row]
            )
        connection.commit()

    def add_all(number: int) -> None:
        rows = (1, 2) if number % 3 else (2, 1)
        left = EACH
        while left:
            try:
                add(connections[number], rows)
            except errors.SerializationFailure:
                connections[number].rollback()
            else:
                left -= 1

    threads = [threading.Thread(target=add_all, args=[n], daemon=True) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(200)
    assert not any(thread.is_alive() for thread in threads)
    rows = setup.execute(f"SELECT DISTINCT buyer FROM {table} WHERE id <= 2").fetchall()
    assert rows == [(str(CLIENTS * EACH),)]


def test_cancels_a_statement(connect: Connect, east: Endpoint, backend_url: str) -> None:
    connection = connect(east, autocommit=True)

    def cancel_once_it_sleeps() -> None:
        with psycopg.connect(backend_url, autocommit=True) as behind:
            wait_until(lambda: behind.execute(ASLEEP).fetchone() == (1,), what="it sleeps")
        connection.cancel_safe()

    canceller = threading.Thread(target=cancel_once_it_sleeps)
    canceller.start()
    with pytest.raises(errors.QueryCanceled):
        settled(connection, "SELECT pg_sleep(600)")
    canceller.join()
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_passes_large_results(connect: Connect, east: Endpoint) -> None:
    connection = connect(east)
    rows = settled(connection, "SELECT repeat('x', 100) FROM generate_series(1, 50000)").fetchall()
    assert len(rows) == 50000


def test_loses_what_was_open_when_a_region_is_killed(
    backend_url: str, table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with state.claimed(tmp_path), Supervisor() as supervisor:
        regions = launch.start(supervisor, tmp_path, backend_url)
        for name, value in regions["us-east-1"].environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("worldseat.dsql.auth._clients", {})
        killed, other = (psycopg.connect(**parameters(e)) for e in regions.values())
        killed.execute(f"UPDATE {table} SET buyer = 'a' WHERE id = 1")
        regions["us-east-1"].child.signal_group(signal.SIGKILL)
        with pytest.raises(psycopg.OperationalError):
            killed.commit()
        other.execute(f"UPDATE {table} SET buyer = 'b' WHERE id = 1 AND buyer IS NULL")
        other.commit()
        found = other.execute(f"SELECT buyer FROM {table} WHERE id = 1").fetchone()
        assert found == ("b",)
        other.close()
