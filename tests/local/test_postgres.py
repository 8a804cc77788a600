"""The embedded PostgreSQL: DSQL's isolation, a password, a start whatever was left before."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.helpers.waiting import wait_until
from worldseat.local import ports, postgres, state
from worldseat.local.processes import Program, Supervisor

pytestmark = pytest.mark.apart


@pytest.fixture
def supervisor(home: Path) -> Iterator[Supervisor]:
    with state.claimed(home), Supervisor() as supervisor:
        yield supervisor


def ask(url: str, question: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(question).fetchone()
    return row[0] if row else None


def test_isolates_as_dsql_does(supervisor: Supervisor, home: Path) -> None:
    url, _ = postgres.start(supervisor, home)
    assert ask(url, "SHOW transaction_isolation") == "repeatable read"
    assert ask(url, "SHOW timezone") == "UTC"
    assert ask(url, "SELECT datcollate FROM pg_database WHERE datname = 'postgres'") == "C"
    assert str(ask(url, "SHOW server_version")).startswith("18")


def test_asks_for_the_password(supervisor: Supervisor, home: Path) -> None:
    _, port = postgres.start(supervisor, home)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres.url("guessed", port))


def test_works_round_a_port_that_is_taken(supervisor: Supervisor, home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        ports.remember(home, {"postgres": number})
        url, port = postgres.start(supervisor, home)
        assert port != number
        assert ask(url, "SELECT 1") == 1


def test_keeps_its_data_and_replaces_a_half_made_directory(home: Path) -> None:
    with state.claimed(home), Supervisor() as supervisor:
        half_made = home / "postgres" / "data.new"
        half_made.mkdir(parents=True)
        (half_made / "PG_VERSION").write_text("18")
        url, _ = postgres.start(supervisor, home)
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept ()")
    assert not half_made.exists()
    with state.claimed(home), Supervisor() as supervisor:
        url, _ = postgres.start(supervisor, home)
        assert ask(url, "SELECT to_regclass('kept')::text") == "kept"


def test_starts_beside_a_lock_file_whose_number_is_another_process_now(home: Path) -> None:
    account = "embedded_postgres" if os.geteuid() == 0 else None
    with state.claimed(home), Supervisor() as supervisor:
        postgres.start(supervisor, home)
    with state.claimed(home), Supervisor() as supervisor:
        sleep = shutil.which("sleep") or "/bin/sleep"
        stranger = supervisor.start(
            Program(name="stranger", command=[sleep, "600"], log=None, account=account)
        )
        wait_until(lambda: "/sleep" in _command(stranger.pid), what="the stranger's start")
        lock = home / "postgres" / "data" / "postmaster.pid"
        lock.write_text(f"{stranger.pid}\n{lock.parent}\n")
        url, _ = postgres.start(supervisor, home)
        assert ask(url, "SELECT 1") == 1
        assert not stranger.has_ended()


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[0]


def test_refuses_the_data_of_another_version(supervisor: Supervisor, home: Path) -> None:
    postgres.start(supervisor, home)
    supervisor.stop()
    (home / "postgres" / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(postgres.DataDirectoryUnusable, match=r"PostgreSQL 17.*delete"):
        postgres.start(supervisor, home)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_refuses_the_data_of_another_user(supervisor: Supervisor, home: Path) -> None:
    data = home / "postgres" / "data"
    data.mkdir(parents=True)
    shutil.chown(data, "nobody")
    with pytest.raises(postgres.DataDirectoryUnusable, match="belongs to user nobody"):
        postgres.start(supervisor, home)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as somebody else")
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere root is told to move the checkout")
def test_runs_for_root_in_a_directory_closed_to_others(
    supervisor: Supervisor, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The binaries too: initdb asks access(2) about them, which is stricter than opening them."""
    closed = home.parents[1]
    closed.chmod(0o700)
    package = Path(postgres.binary("postgres")).parents[2]
    for name in (package.name, f"{package.name}.libs"):
        shutil.copytree(package.with_name(name), closed / name)
    monkeypatch.setattr(
        postgres, "binary", lambda name: str(closed / package.name / "pginstall" / "bin" / name)
    )
    url, _ = postgres.start(supervisor, home)
    assert ask(url, "SELECT 1") == 1
