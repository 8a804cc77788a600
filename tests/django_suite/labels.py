"""Running one label of Django's suite in a process of its own, and reading its record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["LABELS", "QUICK", "Outcome", "run"]

LABELS = (
    *("backends", "basic", "bulk_create", "constraints", "custom_columns", "delete", "fixtures"),
    *("get_or_create", "indexes", "inspectdb", "introspection", "migrate_signals", "migrations"),
    *("model_fields", "ordering", "schema", "select_for_update", "transaction_hooks"),
    *("transactions", "update", "validation"),
)
# Those that `make test` runs: about two seconds each.
QUICK = ("constraints", "indexes", "introspection", "inspectdb", "transactions", "update")

_CHECKOUT = Path(__file__).resolve().parents[2]
_OPTIONS = ("--settings", "tests.django_suite.settings", "--noinput", "--parallel", "1")
_WATCH_SECONDS = 0.2


@dataclass
class Outcome:
    """What became of the tests of a label.

    `unexpected` are failures, errors and unexpected successes by test. `not_run` counts tests whose
    class, or whose database, could not be set up.
    """

    label: str
    tests: int = 0
    passed: int = 0
    expected: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    unexpected: dict[str, str] = field(default_factory=dict)
    not_run: int = 0
    seconds: float = 0.0
    log: str = ""
    complete: bool = False

    @property
    def is_good(self) -> bool:
        """Tell whether every test did what it was expected to."""
        return self.complete and not self.unexpected and not self.not_run

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        plain = {"expected": dict(self.expected), "skipped": dict(self.skipped)}
        return {**vars(self), **plain}

    def add(self, record: dict[str, Any]) -> None:
        """Take in a line of the record."""
        outcome = record.get("outcome")
        if "total" in record:
            self.tests = self.not_run = record["total"]
        elif "complete" in record:
            self.complete = True
        elif "of_class" in record:
            self._count(record["of_class"], record)
        else:
            self.not_run -= 1
            self._count(str(outcome), record)

    def _count(self, outcome: str, record: dict[str, Any]) -> None:
        if outcome == "passed":
            self.passed += 1
        elif outcome == "skipped":
            self.skipped[record["reason"]] += 1
        elif outcome == "expected":
            self.expected[record["reason"]] += 1
        else:
            self.unexpected[record["test"]] = record.get("message", outcome)


def run(
    label: str,
    *,
    tests: Path,
    home: Path,
    environment: Mapping[str, str],
    arguments: tuple[str, ...] = (),
    progress: Callable[[Outcome], None] = lambda outcome: None,
) -> Outcome:
    """Run a label; `tests` is Django's directory of tests, `environment` names the database.

    What runtests.py prints goes to a log under `home`. `progress` is called as tests end.
    """
    (home / "logs").mkdir(exist_ok=True)
    record, log = home / "logs" / f"{label}.jsonl", home / "logs" / f"{label}.log"
    record.write_text("")
    outcome, started = Outcome(label, log=str(log)), time.monotonic()
    with log.open("w") as output, record.open() as lines:
        child = subprocess.Popen(
            [sys.executable, str(tests / "runtests.py"), label, *arguments, *_OPTIONS],
            env={
                **os.environ,
                "PYTHONPATH": str(_CHECKOUT),
                **environment,
                "SUITE_RECORD": str(record),
            },
            cwd=tests,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            while child.poll() is None:
                time.sleep(_WATCH_SECONDS)
                _take(lines, outcome)
                outcome.seconds = time.monotonic() - started
                progress(outcome)
        finally:
            if child.poll() is None:
                child.terminate()
                child.wait()
        _take(lines, outcome)
    outcome.seconds = time.monotonic() - started
    return outcome


def _take(lines: Any, outcome: Outcome) -> None:
    while True:
        at = lines.tell()
        line = lines.readline()
        if not line.endswith("\n"):
            lines.seek(at)
            return
        outcome.add(json.loads(line))
