"""`manage.py local`: both servers while it runs, and nothing after it, however it ends."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from tests.helpers.instances import FirstRun, Instance, Start, copied
from tests.helpers.waiting import wait_until
from worldseat.local import state

LeftBehind = Callable[[], list[str]]

pytestmark = pytest.mark.timeout(600)  # it starts processes, one after the other, on two cores


@dataclass(frozen=True)
class Serving:
    """An instance that serves, and where its servers are."""

    instance: Instance
    said: dict[str, str]


@pytest.fixture(scope="module")
def serving(instances: Callable[[], Instance], first_run: FirstRun) -> Iterator[Serving]:
    """`manage.py local`, for the tests that leave it as it is."""
    instance = copied(first_run, instances())
    yield Serving(instance, addresses(instance.manage("local", "--json")))
    instance.end()


def addresses(process: subprocess.Popen[str]) -> dict[str, str]:
    assert process.stdout is not None
    said: dict[str, str] = json.loads(process.stdout.readline())
    return said


def test_serves_and_is_found_by_others(serving: Serving) -> None:
    said = serving.said
    with psycopg.connect(said["postgres_url"]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert redis.Redis.from_url(said["redis_url"]).ping()
    found = state.read(serving.instance.home)
    assert found is not None
    assert found["database_url"] == said["database_url"]
    migrate = serving.instance.manage("migrate", "--plan")
    output, _ = migrate.communicate()
    assert migrate.returncode == 0, output


def test_refuses_redis_clients_without_the_password(serving: Serving) -> None:
    port = serving.said["redis_url"].rsplit(":", 1)[1]
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(f"redis://127.0.0.1:{port}").ping()


def test_says_that_it_runs_already_and_where(serving: Serving) -> None:
    second = serving.instance.manage("local", "--json")
    output, _ = second.communicate()
    assert second.returncode == 1
    assert "running already" in output
    assert serving.said["database_url"] in output


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_leaves_nothing_behind(
    manage: Start, home: Path, left_behind: LeftBehind, number: signal.Signals
) -> None:
    process = manage("local", "--json")
    addresses(process)
    assert "valkey-server" in left_behind()
    assert "postgres" in left_behind()
    process.send_signal(number)
    process.wait()
    wait_until(lambda: left_behind() == [], what=f"the servers' end after {number.name}")
    assert state.read(home) is None


@pytest.mark.usefixtures("prepared")
def test_starts_again_right_after_being_killed(manage: Start) -> None:
    process = manage("local", "--json")
    addresses(process)
    process.kill()
    process.wait()
    said = addresses(manage("local", "--json"))
    with psycopg.connect(said["postgres_url"]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.usefixtures("prepared")
def test_uses_the_servers_that_the_environment_names(
    manage: Start, left_behind: LeftBehind
) -> None:
    process = manage("local", "--json", DATABASE_URL="postgres://u@127.0.0.1:9/given")
    assert addresses(process)["database_url"] == "postgres://u@127.0.0.1:9/given"
    assert "valkey-server" in left_behind()
    assert "postgres" not in left_behind()


@pytest.mark.usefixtures("prepared")
def test_ends_with_an_error_when_a_server_dies(manage: Start, left_behind: LeftBehind) -> None:
    process = manage("local", "--json")
    addresses(process)
    (valkey,) = [c for c in psutil.Process(process.pid).children() if "valkey" in c.name()]
    valkey.kill()
    output, _ = process.communicate()
    assert process.returncode == 1
    assert "valkey was killed by SIGKILL" in output
    assert left_behind() == []
