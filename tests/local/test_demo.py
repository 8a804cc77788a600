"""`manage.py demo`: the whole product, from nothing to a sold seat, and nothing left afterwards."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from django.core.management.base import CommandError

from tests.helpers.commands import interrupt, read_until
from tests.helpers.waiting import wait_until
from worldseat.local import state
from worldseat.management.commands import demo

pytestmark = pytest.mark.timeout(240)  # it starts a dozen processes, on two cores

Manage = Callable[..., "subprocess.Popen[str]"]
LeftBehind = Callable[[], list[str]]


def test_sells_the_seat_once_and_ends(manage: Manage, left_behind: LeftBehind) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        process = manage("demo", "--once", "--buyers", "12", "--port", port)
        output, _ = process.communicate()
    assert process.returncode == 0, output
    assert "The witness agrees: 1 valid ticket" in output
    assert left_behind() == []


def test_serves_until_ctrl_c(manage: Manage, home: Path, left_behind: LeftBehind) -> None:
    process = manage("demo", "--buyers", "4")
    output = read_until(process, "Serving")
    found = re.search(r"Admin +http://127\.0\.0\.1:(\d+)(/admin/)", output)
    assert found, output
    port = int(found[1])
    assert _get(port, "/accounts/login/?next=/admin/") == 200
    assert _get(port, "/static/admin/css/base.css") == 200

    second = manage("demo")
    refusal, _ = second.communicate()
    assert second.returncode == 1
    assert f"running already: process {process.pid}, at http://127.0.0.1:{port}" in refusal

    _worker(process, "us-east-2").kill()
    assert "worker-us-east-2 was killed by SIGKILL" in read_until(process, "start the demo again")
    assert _get(port, "/healthz") == 200

    interrupt(process)
    process.communicate()
    assert process.returncode == 0
    assert left_behind() == []
    assert state.read(home) is None


def test_leaves_nothing_when_killed_half_way(manage: Manage, left_behind: LeftBehind) -> None:
    process = manage("demo")
    read_until(process, "Tables")
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_until(lambda: left_behind() == [], what="the end of a killed demo's processes")


def test_shows_why_a_step_failed_and_leaves_nothing(
    manage: Manage, left_behind: LeftBehind
) -> None:
    process = manage("demo", DATABASE_URL="postgres://nobody@127.0.0.1:9/nowhere")
    output, _ = process.communicate()
    assert process.returncode == 1
    assert "migrate failed with exit status 1" in output
    assert "Connection refused" in output
    assert left_behind() == []


@pytest.mark.parametrize("words", [["--buyers", "0"], ["--port", "70000"], ["--buyers", "many"]])
def test_refuses_a_number_that_makes_no_sense(words: list[str]) -> None:
    with pytest.raises(CommandError, match=f"{words[0]}: use a .*, not '{words[1]}'"):
        demo.Command().create_parser("manage.py", "demo").parse_args(words)


def _worker(demo: subprocess.Popen[str], region: str) -> psutil.Process:
    children = psutil.Process(demo.pid).children()
    (worker,) = [child for child in children if f"{region}@%h" in child.cmdline()]
    return worker


def _get(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status
    finally:
        connection.close()
