"""`manage.py demo`: the whole product, from nothing to a sold seat, and nothing left afterwards."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable

import pytest
from django.core.management.base import CommandError

from tests.helpers.commands import read_until
from tests.helpers.instances import Demo, FirstRun, Start
from tests.helpers.waiting import wait_until
from tests.local.site import Site
from worldseat.management.commands import demo as command

pytestmark = pytest.mark.timeout(600)  # it starts a dozen processes, on two cores

LeftBehind = Callable[[], list[str]]


def test_sells_the_seat_once_and_ends(first_run: FirstRun) -> None:
    assert first_run.status == 0, first_run.output
    assert "The witness agrees: 1 valid ticket" in first_run.output
    assert first_run.left_behind == []


def test_serves_the_login_and_the_files_of_its_page(demo: Demo) -> None:
    site = Site(demo.output)
    assert re.search(rf"Admin +http://127\.0\.0\.1:{site.port}/admin/", demo.output), demo.output
    status, page = site.get("/accounts/login/?next=/admin/")
    assert status == 200
    files = set(re.findall(r'"(/static/[^"]+)"', page))
    assert files
    for file in files:
        assert site.get(file)[0] == 200, file


def test_is_not_started_where_it_runs(demo: Demo) -> None:
    second = demo.instance.manage("demo")
    refusal, _ = second.communicate()
    assert second.returncode == 1
    where = f"process {demo.process.pid}, at http://127.0.0.1:{Site(demo.output).port}"
    assert f"running already: {where}" in refusal


@pytest.mark.usefixtures("prepared")
def test_leaves_nothing_when_killed_half_way(manage: Start, left_behind: LeftBehind) -> None:
    process = manage("demo")
    read_until(process, "Tables")
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_until(lambda: left_behind() == [], what="the end of a killed demo's processes")


def test_shows_why_a_step_failed_and_leaves_nothing(manage: Start, left_behind: LeftBehind) -> None:
    process = manage("demo", DATABASE_URL="postgres://nobody@127.0.0.1:9/nowhere")
    output, _ = process.communicate()
    assert process.returncode == 1
    assert "migrate failed with exit status 1" in output
    assert "Connection refused" in output
    assert left_behind() == []


@pytest.mark.parametrize("words", [["--buyers", "0"], ["--port", "70000"], ["--buyers", "many"]])
def test_refuses_a_number_that_makes_no_sense(words: list[str]) -> None:
    with pytest.raises(CommandError, match=f"{words[0]}: use a .*, not '{words[1]}'"):
        command.Command().create_parser("manage.py", "demo").parse_args(words)
