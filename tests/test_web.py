"""The web server as it is deployed: its workers, its port, its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.conf import settings
from django.db import connection, transaction
from django.http import HttpResponse, StreamingHttpResponse

from tests.helpers.databases import waiting_for
from tests.helpers.http_requests import LIST, ask, is_up
from tests.helpers.servers import database_url_in
from tests.helpers.waiting import wait_until
from worldseat.local import ports
from worldseat.local.processes import Child, Program, ProgramFailed, Supervisor
from worldseat.web import whole

pytestmark = [pytest.mark.apart, pytest.mark.django_db(transaction=True)]

CHECKOUT = Path(__file__).resolve().parents[1]
soon = partial(wait_until, seconds=30)


class Server:
    """A web server of two workers."""

    def __init__(self, child: Child, port: int) -> None:
        self.child, self.port = child, port
        self.process = psutil.Process(child.pid)

    def workers(self) -> set[int]:
        return {each.pid for each in self.process.children()}

    def wait_for_workers(self) -> None:
        soon(lambda: len(self.workers()) == 2, what="two workers")


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
            ready_on=lambda port: partial(is_up, port),
            deadline=60,
        )
        yield Server(child, port)


def test_another_worker_takes_the_place_of_one_that_was_killed(server: Server) -> None:
    server.wait_for_workers()
    before = server.workers()
    os.kill(min(before), signal.SIGKILL)
    soon(lambda: len(server.workers()) == 2 and server.workers() != before, what="another worker")
    for _ in range(10):  # connections go to either of them
        soon(partial(is_up, server.port), what="an answer")


def test_no_worker_outlives_a_server_that_was_killed(server: Server) -> None:
    server.wait_for_workers()
    workers = server.workers()
    os.kill(server.child.pid, signal.SIGKILL)
    soon(lambda: not any(map(_lives, workers)), what="the workers to end")
    assert not is_up(server.port)


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_second_server_on_its_port_is_refused(server: Server, tmp_path: Path) -> None:
    with Supervisor() as supervisor, pytest.raises(ProgramFailed, match="Address already in use"):
        supervisor.start(program(tmp_path, server.port, "second"), ready=lambda: False)
    assert is_up(server.port)


def test_what_was_asked_before_its_end_is_answered(server: Server) -> None:
    with ThreadPoolExecutor() as pool:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE sales_venue IN ACCESS EXCLUSIVE MODE")
            asked = pool.submit(ask, server.port, LIST)
            soon(lambda: waiting_for("sales_venue") > 0, what="a request that waits")
            server.process.terminate()
            time.sleep(0.5)
            assert not asked.done()
        assert asked.result()[0] == 200
    soon(server.child.has_ended, what="the server to end")
    assert server.child.reap() == 0


def test_takes_more_connections_than_a_shell_allows_files(server: Server) -> None:
    server.wait_for_workers()
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
