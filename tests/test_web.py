"""The web server as it is deployed: its workers, its port, its end."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.conf import settings
from django.db import connection, transaction
from django.http import HttpResponse, StreamingHttpResponse

from tests.servers import database_url_in
from worldseat.local import ports
from worldseat.local.processes import Child, Program, ProgramFailed, Supervisor
from worldseat.web import whole

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]

CHECKOUT = Path(__file__).resolve().parents[1]
# The list of events reads the venues.
SLOW = "/api/v1/events/"


class Server:
    """A web server of two workers."""

    def __init__(self, child: Child, port: int) -> None:
        self.child, self.port = child, port
        self.process = psutil.Process(child.pid)

    def workers(self) -> set[int]:
        return {each.pid for each in self.process.children()}

    def ask(self, path: str, *, method: str = "GET") -> tuple[int, bytes]:
        asking = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            asking.request(method, path)
            answer = asking.getresponse()
            return answer.status, answer.read()
        finally:
            asking.close()

    def serves(self) -> bool:
        try:
            return self.ask("/healthz")[0] == 200
        except OSError:
            return False


def program(home: Path, port: int, name: str = "web") -> Program:
    url = database_url_in("us-east-1", connection.settings_dict["NAME"])
    more = {"SECRET_KEY": settings.SECRET_KEY, "HTTPS_ONLY": "off", "DATABASE_URL": url}
    words = ["-m", "worldseat.web", "--port", str(port), "--workers", "2", "--threads", "2"]
    return Program(
        name=name,
        command=["/bin/sh", "-c", 'ulimit -Sn 256; exec "$@"', "sh", sys.executable, *words],
        env={**os.environ, **more},
        cwd=CHECKOUT,
        log=home / f"{name}.log",
    )


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Supervisor() as supervisor:
        child, port = ports.start_on_free_port(
            supervisor,
            partial(program, tmp_path),
            preferred=18300,
            ready_on=lambda port: lambda: _is_up(port),
            deadline=60,
        )
        yield Server(child, port)


def _is_up(port: int) -> bool:
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        asking.request("GET", "/healthz")
        return asking.getresponse().status == 200
    except OSError:
        return False
    finally:
        asking.close()


def eventually(true: Callable[[], bool], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_another_worker_takes_the_place_of_one_that_was_killed(server: Server) -> None:
    eventually(lambda: len(server.workers()) == 2)
    before = server.workers()
    os.kill(min(before), signal.SIGKILL)
    eventually(lambda: len(server.workers()) == 2 and server.workers() != before)
    for _ in range(10):  # connections go to either of them
        eventually(server.serves)


def test_no_worker_outlives_a_server_that_was_killed(server: Server) -> None:
    eventually(lambda: len(server.workers()) == 2)
    workers = server.workers()
    os.kill(server.child.pid, signal.SIGKILL)
    eventually(lambda: not any(map(_lives, workers)))
    assert not server.serves()


def _lives(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_a_second_server_on_its_port_is_refused(server: Server, tmp_path: Path) -> None:
    with Supervisor() as supervisor, pytest.raises(ProgramFailed, match="Address already in use"):
        supervisor.start(program(tmp_path, server.port, "second"), ready=lambda: False)
    assert server.serves()


def test_what_was_asked_before_its_end_is_answered(server: Server) -> None:
    with ThreadPoolExecutor() as pool:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE sales_venue IN ACCESS EXCLUSIVE MODE")
            asked = pool.submit(server.ask, SLOW)
            eventually(_somebody_waits)
            server.process.terminate()
            time.sleep(0.5)
            assert not asked.done()
        assert asked.result()[0] == 200
    eventually(server.child.has_ended)
    assert server.child.reap() == 0


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


def test_takes_more_connections_than_a_shell_allows_files(server: Server) -> None:
    eventually(lambda: len(server.workers()) == 2)
    for worker in server.workers():
        soft, hard = psutil.Process(worker).rlimit(psutil.RLIMIT_NOFILE)
        assert soft == hard > 256


@pytest.mark.parametrize(
    ("answer", "given"),
    [(HttpResponse("whole"), [b"whole"]), (StreamingHttpResponse(["in ", "pieces"]), None)],
)
def test_only_what_streams_is_handed_over_by_pieces(answer: Any, given: list[bytes] | None) -> None:
    closed: list[object] = []
    answer._resource_closers.append(lambda: closed.append(answer))
    told = whole(lambda environ, start: answer)({}, print)
    if given is None:
        assert told is answer
        assert not closed
    else:
        assert told == given
        assert closed == [answer]


def test_says_what_it_takes() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "worldseat.web", "--help"],
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
        check=True,
    )
    for option in ("--host", "--port", "--workers", "--threads"):
        assert option in told.stdout
