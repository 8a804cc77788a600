"""`manage.py local`: both servers while it runs, and nothing after it, however it ends."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from tests.helpers.waiting import wait_until
from worldseat.local import state

Manage = Callable[..., "subprocess.Popen[str]"]
LeftBehind = Callable[[], list[str]]

pytestmark = pytest.mark.timeout(240)  # it starts processes, one after the other, on two cores


def addresses(process: subprocess.Popen[str]) -> dict[str, str]:
    assert process.stdout is not None
    said: dict[str, str] = json.loads(process.stdout.readline())
    return said


def test_serves_and_is_found_by_others(manage: Manage, home: Path) -> None:
    said = addresses(manage("local", "--json"))
    with psycopg.connect(said["postgres_url"]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert redis.Redis.from_url(said["redis_url"]).ping()
    found = state.read(home)
    assert found is not None
    assert found["database_url"] == said["database_url"]
    migrate = manage("migrate", "--plan")
    output, _ = migrate.communicate()
    assert migrate.returncode == 0, output


def test_refuses_redis_clients_without_the_password(manage: Manage) -> None:
    said = addresses(manage("local", "--json"))
    port = said["redis_url"].rsplit(":", 1)[1]
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(f"redis://127.0.0.1:{port}").ping()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_leaves_nothing_behind(
    manage: Manage, home: Path, left_behind: LeftBehind, number: signal.Signals
) -> None:
    process = manage("local", "--json")
    addresses(process)
    assert "valkey-server" in left_behind()
    assert "postgres" in left_behind()
    process.send_signal(number)
    process.wait()
    wait_until(lambda: left_behind() == [], what=f"the servers' end after {number.name}")
    assert state.read(home) is None


def test_starts_again_right_after_being_killed(manage: Manage) -> None:
    process = manage("local", "--json")
    addresses(process)
    process.kill()
    process.wait()
    said = addresses(manage("local", "--json"))
    with psycopg.connect(said["postgres_url"]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_says_that_it_runs_already_and_where(manage: Manage) -> None:
    said = addresses(manage("local", "--json"))
    second = manage("local", "--json")
    output, _ = second.communicate()
    assert second.returncode == 1
    assert "running already" in output
    assert said["database_url"] in output


def test_uses_the_servers_that_the_environment_names(
    manage: Manage, left_behind: LeftBehind
) -> None:
    process = manage("local", "--json", DATABASE_URL="postgres://u@127.0.0.1:9/given")
    assert addresses(process)["database_url"] == "postgres://u@127.0.0.1:9/given"
    assert "valkey-server" in left_behind()
    assert "postgres" not in left_behind()


def test_ends_with_an_error_when_a_server_dies(manage: Manage, left_behind: LeftBehind) -> None:
    process = manage("local", "--json")
    addresses(process)
    (valkey,) = [c for c in psutil.Process(process.pid).children() if "valkey" in c.name()]
    valkey.kill()
    output, _ = process.communicate()
    assert process.returncode == 1
    assert "valkey was killed by SIGKILL" in output
    assert left_behind() == []
