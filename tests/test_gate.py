"""The gate: two stages, one more try for what failed, and nothing hidden in its last lines."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import pytest

from tests.gate import everything, flaky
from tests.gate.__main__ import status
from tests.gate.plugin import NO_BROWSER
from tests.gate.record import MOST_AGAIN, Record, Stage
from tests.gate.stages import CHECKOUT

INI = """[pytest]
addopts = -p xdist -p pytest_timeout -p tests.gate.plugin --strict-markers
timeout = 3
"""
Gate = Callable[[str], "subprocess.CompletedProcess[str]"]


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    """Run the gate over a file of tests."""
    (tmp_path / "pytest.ini").write_text(INI)

    def run(tests: str) -> subprocess.CompletedProcess[str]:
        head = "import os, pathlib, subprocess, sys, time\nimport pytest\n"
        (tmp_path / "test_some.py").write_text(head + tests)
        command = [sys.executable, "-m", "tests.gate", "--tests", str(tmp_path)]
        command += ["--flaky", str(tmp_path / "flaky.md")]
        # Without the plugins that the product's own tests need, it starts at once.
        plain = {**os.environ, "PYTHONPATH": str(CHECKOUT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        return subprocess.run(command, cwd=CHECKOUT, env=plain, capture_output=True, text=True)

    return run


ONCE = """
def test_fails_once():
    mark = pathlib.Path(__file__).with_name("tried")
    tried, _ = mark.exists(), mark.touch()
    assert tried, "the first time"
"""


@pytest.mark.apart
def test_names_what_passed_only_when_run_again(gate: Gate, tmp_path: Path) -> None:
    done = gate(
        f"""
def test_in_parallel():
    pass

@pytest.mark.apart
def test_starts_a_process():
    subprocess.run([sys.executable, "-c", ""], check=True)

@pytest.mark.full
def test_is_long():
    raise AssertionError

@pytest.mark.skip(reason="{NO_BROWSER}none")
def test_in_a_browser():
    pass
{ONCE}"""
    )
    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout[done.stdout.rindex("The longest tests") :]
    assert "passed when run again" in last
    assert last.count("test_some.py::test_fails_once") == 2  # among the longest, and by name
    assert "for want of a browser: 1 tests" in last
    assert done.stdout.endswith("\n3 passed, 0 failed, 2 skipped\n")
    for stage in ("plain", "apart", "again"):
        assert f"\n  {stage} " in done.stdout
    assert flaky.listed(tmp_path / "flaky.md") == ["test_some.py::test_fails_once"]
    assert "AssertionError: the first time" in (tmp_path / "flaky.md").read_text()


@pytest.mark.apart
def test_fails_where_a_test_fails_twice(gate: Gate, tmp_path: Path) -> None:
    done = gate(
        f"""
def test_fails():
    assert False

def test_hangs():
    time.sleep(60)  # here

def test_starts_a_process():
    subprocess.run(["true"])
{ONCE}"""
    )
    assert done.returncode == 1
    assert done.stdout.endswith("\n1 passed, 3 failed, 0 skipped\n")
    failed = done.stdout[done.stdout.rindex("\nFailed\n") :]
    assert failed.count("test_some.py::") == 4
    assert flaky.listed(tmp_path / "flaky.md") == ["test_some.py::test_fails_once"]
    assert "time.sleep(60)  # here" in done.stdout  # the stack of what hung
    assert "StartsAProcess" in done.stdout


@pytest.mark.apart
def test_fails_where_a_worker_died(gate: Gate, tmp_path: Path) -> None:
    done = gate(ONCE + "\ndef test_dies():\n    os._exit(3)\n")
    assert done.returncode == 1
    assert "plain: gw" in done.stdout
    assert "\n  again " not in done.stdout
    assert not (tmp_path / "flaky.md").exists()


def test_is_no_success_where_nothing_was_run() -> None:
    assert status([Stage("plain", 1.0, 0), Stage("apart", 1.0, 0)], []) == 5


def stage(*failed: str, crashed: Sequence[str] = (), uncollected: Sequence[str] = ()) -> Stage:
    record = Record(
        outcomes=dict.fromkeys(failed, "failed"),
        crashed=[*crashed],
        uncollected=[*uncollected],
    )
    return Stage("plain", 1.0, 1, record)


def test_tries_few_failures_again_and_nothing_that_died() -> None:
    assert stage("a").may_be_chance
    assert not stage("a", crashed=["gw0: died"]).may_be_chance
    assert not stage("a", uncollected=["b: ImportError"]).may_be_chance
    assert not stage(*(f"t{n}" for n in range(MOST_AGAIN + 1))).may_be_chance
    assert not stage().may_be_chance  # an exit status without a test that failed
    assert stage("a", "b").is_good(["b", "a"])
    assert not stage("a", "b").is_good(["a"])
    assert not stage("a", crashed=["gw0: died"]).is_good(["a"])


def test_a_run_without_a_record_has_died(tmp_path: Path) -> None:
    assert Record.read(tmp_path / "nothing.json").crashed


def test_lists_each_flaky_test_once_with_each_failure(tmp_path: Path) -> None:
    path = tmp_path / "flaky.md"
    for day in (1, 2):
        flaky.add("a.py::b[c d]", f"out {day}", day=date(2026, 12, day), commit="abc", path=path)
    flaky.add(
        "a.py::e", "\n".join(map(str, range(500))), day=date(2026, 12, 3), commit="abc", path=path
    )
    assert flaky.listed(path) == ["a.py::b[c d]", "a.py::e"]
    text = path.read_text()
    assert "out 1" in text
    assert "out 2" in text
    assert "    499\n" in text
    assert len(text.splitlines()) < 100


def test_lists_tests_that_exist() -> None:
    for test in flaky.listed():
        path, name = test.split("::", 1)
        assert f"def {name.split('[')[0]}(" in (CHECKOUT / path).read_text(), test


def test_writes_down_when_a_long_part_ran(tmp_path: Path) -> None:
    path = tmp_path / "runs.md"
    everything.remember("fuzz", passed=True, seconds=75, commit="abc", path=path)
    everything.remember("full", passed=False, seconds=5, commit="abc", path=path)
    rows = [line for line in path.read_text().splitlines() if line.startswith("| ")][1:]
    assert len(rows) == len(everything.PARTS)
    assert "| abc | 1 min 15 s | passed |" in next(r for r in rows if "| fuzz |" in r)
    assert "**failed**" in next(row for row in rows if "| full |" in row)
    assert sum("never" in row for row in rows) == len(rows) - 2
