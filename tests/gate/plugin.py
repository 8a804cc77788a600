"""Pytest plugin: which stage a test belongs to, and a record of what became of each test."""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

__all__ = ["APART", "NO_BROWSER", "PLAIN", "STARTERS"]

PLAIN, APART = "plain", "apart"
# Fixtures that start processes, a browser or a server: a test with one of them is run apart.
STARTERS = frozenset(
    {
        "browser",
        "crew",
        "endpoints",
        "first_run",
        "instances",
        "live_server",
        "served_demo",
        "started",
    }
)
# How the reason of a skipped test begins that found no browser.
NO_BROWSER = "no browser: "

_STARTS = {"os.fork", "os.forkpty", "os.posix_spawn", "os.system", "subprocess.Popen"}


class StartsAProcess(Exception):
    """A test that is not run apart started a process; mark it: `@pytest.mark.apart`."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the gate's options; without them pytest runs all tests in one stage."""
    group = parser.getgroup("gate")
    group.addoption("--stage", choices=[PLAIN, APART], help="run the tests of one stage only")
    group.addoption("--full", action="store_true", help="run the tests marked `full`, too")
    group.addoption("--record", type=Path, help="write what became of each test to this file")
    group.addoption("--list-apart", type=Path, help="write the files with tests that run apart")


def pytest_configure(config: pytest.Config) -> None:
    """Watch over processes; record where the reports come together."""
    config.addinivalue_line("markers", "apart: starts processes, browsers or servers: runs alone")
    config.addinivalue_line("markers", "full: too long for the gate; `make test-all` runs it")
    config.pluginmanager.register(_NoProcesses())
    record: Path | None = config.getoption("--record")
    if record and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Recorder(record))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests of this stage; skip those that are too long for the gate."""
    if not config.getoption("--full"):
        _skip_full(items)
    apart = [item for item in items if _is_apart(item)]
    _list_files(config, apart)
    stage = config.getoption("--stage")
    if stage is None:
        return
    others = set(apart) if stage == PLAIN else set(items).difference(apart)
    config.hook.pytest_deselected(items=[item for item in items if item in others])
    items[:] = [item for item in items if item not in others]


def _skip_full(items: list[pytest.Item]) -> None:
    skipped = pytest.mark.skip(reason="make test-all runs it; or pytest --full")
    for item in items:
        if item.get_closest_marker("full"):
            item.add_marker(skipped)


def _is_apart(item: pytest.Item) -> bool:
    fixtures = getattr(item, "fixturenames", ())
    return item.get_closest_marker(APART) is not None or not STARTERS.isdisjoint(fixtures)


def _list_files(config: pytest.Config, apart: list[pytest.Item]) -> None:
    """Write down where the tests of the second stage are, so that it imports nothing else."""
    target: Path | None = config.getoption("--list-apart")
    if target and os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0":
        files = dict.fromkeys(str(item.path) for item in apart)
        target.write_text(json.dumps(list(files)))


class _NoProcesses:
    """Refuse to start a process while a test of the first stage runs, however it is run."""

    def __init__(self) -> None:
        self._running = ""
        sys.addaudithook(self._hear)

    def _hear(self, event: str, args: Any) -> None:
        if self._running and event in _STARTS:
            raise StartsAProcess(f"{StartsAProcess.__doc__} It is {self._running}.")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        """Note which test runs."""
        self._running = "" if _is_apart(item) else item.nodeid
        try:
            return (yield)
        finally:
            self._running = ""


class _Recorder:
    """Collect the outcome, the seconds and the output of each test; write them at the end."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._outcomes: dict[str, str] = {}
        self._output: dict[str, str] = {}
        self._reasons: dict[str, str] = {}
        self._crashed: list[str] = []
        self._uncollected: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in a phase of a test: its set-up, its call or its teardown."""
        test = report.nodeid
        self._seconds[test] += report.duration
        if report.failed:
            self._outcomes[test] = "failed"
            self._output[test] = "\n".join(
                filter(None, [self._output.get(test, ""), report.longreprtext, _captured(report)])
            )
        elif report.skipped and self._outcomes.get(test) != "failed":
            self._outcomes[test] = "skipped"
            self._reasons[test] = _reason(report)
        else:
            self._outcomes.setdefault(test, "passed")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Take in a file that could not be imported."""
        if report.failed:
            self._uncollected.append(f"{report.nodeid}\n{report.longreprtext}")

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Take in the end of a worker of pytest-xdist: an error if it died."""
        if error:
            self._crashed.append(f"{node.gateway.id}: {error}")

    def pytest_sessionfinish(self) -> None:
        """Write the record."""
        record = {
            "outcomes": self._outcomes,
            "seconds": self._seconds,
            "output": self._output,
            "reasons": self._reasons,
            "crashed": self._crashed,
            "uncollected": self._uncollected,
        }
        self._target.write_text(json.dumps(record))


def _captured(report: pytest.TestReport) -> str:
    return "\n".join(f"--- {title} ---\n{text}" for title, text in report.sections)


def _reason(report: pytest.TestReport) -> str:
    """Return why a test was skipped; `longrepr` is then (path, line, "Skipped: <reason>")."""
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    return report.longreprtext
