"""The supervisor: what it starts is ready, watched and, whatever happens, ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.helpers.commands import CHECKOUT
from tests.helpers.waiting import wait_until
from worldseat.local.processes import Program, ProgramFailed, Supervisor

pytestmark = pytest.mark.apart

SLEEP = "import time; print('up', flush=True); time.sleep(600)"


def python(name: str, source: str, tmp_path: Path, *, grace: float = 10.0) -> Program:
    log = tmp_path / f"{name}.log"
    return Program(name=name, command=[sys.executable, "-c", source], log=log, grace=grace)


def says_up(tmp_path: Path, name: str) -> bool:
    return "up" in (tmp_path / f"{name}.log").read_text()


def test_stops_the_last_started_first(tmp_path: Path) -> None:
    order = tmp_path / "order"
    source = (
        "import signal, sys, time\n"
        "def stop(*_):\n"
        f"    open({str(order)!r}, 'a').write(sys.argv[1] + ' ')\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "print('up', flush=True)\n"
        "time.sleep(600)\n"
    )
    with Supervisor() as supervisor:
        for name in ("first", "second"):
            program = Program(
                name=name,
                command=[sys.executable, "-c", source, name],
                log=tmp_path / f"{name}.log",
            )
            supervisor.start(program, ready=partial(says_up, tmp_path, name))
    assert order.read_text() == "second first "


def test_kills_a_program_that_ignores_the_request(tmp_path: Path) -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEP
    with Supervisor() as supervisor:
        child = supervisor.start(
            python("deaf", deaf, tmp_path, grace=0.2), ready=lambda: says_up(tmp_path, "deaf")
        )
    assert child.process.returncode == -signal.SIGKILL


def test_ends_what_a_program_started_too(tmp_path: Path) -> None:
    source = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', {SLEEP!r}])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid))\n"
        "child.wait()\n"
    )

    def is_told() -> bool:
        # The file is there a moment before what is written into it.
        return (tmp_path / "pid").exists() and bool((tmp_path / "pid").read_text())

    with Supervisor() as supervisor:
        supervisor.start(python("parent", source, tmp_path), ready=is_told)
        grandchild = psutil.Process(int((tmp_path / "pid").read_text()))
    wait_until(lambda: not grandchild.is_running(), what="the grandchild's end")


def test_shows_the_end_of_the_log_of_a_program_that_fails(tmp_path: Path) -> None:
    source = "import sys; [print('line', n) for n in range(100)]; sys.exit('no such seat')"
    with Supervisor() as supervisor, pytest.raises(ProgramFailed) as caught:
        supervisor.start(python("broken", source, tmp_path), ready=lambda: False)
    assert "broken ended with exit status 1" in str(caught.value)
    assert str(caught.value).endswith("no such seat")
    assert "line 99" in str(caught.value)
    assert "line 50" not in str(caught.value)


def test_gives_up_on_a_program_that_is_not_ready_in_time(tmp_path: Path) -> None:
    with Supervisor() as supervisor, pytest.raises(ProgramFailed, match="not ready after"):
        supervisor.start(python("slow", SLEEP, tmp_path), ready=lambda: False, deadline=0.1)


def test_reports_a_child_that_dies_and_does_so_once(tmp_path: Path) -> None:
    with Supervisor() as supervisor:
        child = supervisor.start(python("worker", SLEEP, tmp_path))
        assert supervisor.newly_ended() == []
        os.kill(child.pid, signal.SIGKILL)
        wait_until(child.has_ended, what="the worker's end")
        (failure,) = supervisor.newly_ended()
        assert supervisor.newly_ended() == []
    assert "worker was killed by SIGKILL" in str(failure)


def test_gives_a_program_ctrl_c_back_when_we_run_in_the_background(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell's `&` leaves us
    try:
        with Supervisor() as supervisor:
            child = supervisor.start(
                python("child", SLEEP, tmp_path), ready=lambda: says_up(tmp_path, "child")
            )
            os.kill(child.pid, signal.SIGINT)
            wait_until(child.has_ended, what="the child's end by SIGINT", seconds=10)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of a parent's death")
def test_leaves_nothing_when_killed_itself(tmp_path: Path) -> None:
    source = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from worldseat.local.processes import Program, Supervisor\n"
        "with Supervisor() as supervisor:\n"
        f"    program = Program(name='child', command=[sys.executable, '-c', {SLEEP!r}],\n"
        f"                      log=Path({str(tmp_path / 'child.log')!r}))\n"
        "    child = supervisor.start(program, ready=lambda: 'up' in program.log.read_text())\n"
        "    print(child.pid, flush=True)\n"
        "    time.sleep(600)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", source], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.communicate()
    wait_until(lambda: not child.is_running(), what="the end of a killed supervisor's child")
