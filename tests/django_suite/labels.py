"""Running labels of Django's suite in a process of their own, and reading its record."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["LABELS", "QUICK", "Outcome", "run"]

# What a backend can get wrong: the schema, transactions, and the ORM's SQL.
LABELS = tuple(
    """
    aggregation aggregation_regress annotations auth_tests backends basic bulk_create composite_pk
    constraints contenttypes_tests custom_columns custom_lookups custom_pk dates datetimes defer
    delete delete_regress distinct_on_fields expressions expressions_case expressions_window
    filtered_relation fixtures fixtures_regress force_insert_update foreign_object
    generic_relations get_or_create indexes inspectdb introspection lookup m2m_through many_to_many
    many_to_one migrate_signals migration_test_data_persistence migrations model_fields model_forms
    model_formsets model_indexes model_inheritance model_options multiple_database null_queries
    one_to_one order_with_respect_to ordering prefetch_related queries raw_query schema
    select_for_update select_related sessions_tests sites_framework timezones
    transaction_hooks transactions unmanaged_models update update_only_fields validation
    """.split()  # noqa: SIM905 - seventy quoted words read worse
)
# Those that `make test` runs, in one process.
QUICK = ("constraints", "indexes", "introspection", "inspectdb", "transactions", "update")

_CHECKOUT = Path(__file__).resolve().parents[2]
_OPTIONS = ("--settings", "tests.django_suite.settings", "--noinput", "--parallel", "1")
_SET_UP = re.compile(r"setUpClass \((.*)\)")
_WATCH_SECONDS = 0.2


@dataclass
class Outcome:
    """What became of the tests of a label; `records` holds the last word of each test.

    What failed outside of any test (setting up a class) is in there too, under a name with a space.
    """

    label: str
    names: list[str] = field(default_factory=list)
    seconds: float = 0.0
    log: str = ""
    complete: bool = False
    records: dict[str, dict[str, Any]] = field(default_factory=dict)

    def take(self, record: dict[str, Any]) -> None:
        """Take in a line of the record."""
        if "test" not in record:
            self.names = record.get("names", self.names)
            self.complete = record.get("complete", self.complete)
            return
        # A test may be told of twice: it passed, and then could not be cleaned up after.
        of_class = _SET_UP.fullmatch(record["test"])
        if of_class and record["outcome"] == "skipped":
            skipped = (name for name in self.names if name.rpartition(".")[0] == of_class[1])
            self.records |= dict.fromkeys(skipped, record)
        elif self.records.get(record["test"], {}).get("outcome") not in ("error", "failure"):
            self.records[record["test"]] = record

    @property
    def tests(self) -> int:
        """Return how many tests the label has."""
        return len(self.names)

    @property
    def passed(self) -> int:
        """Return how many tests passed."""
        return len(self.names_of("passed"))

    def names_of(self, outcome: str) -> list[str]:
        """Return the names of the tests that ended so."""
        return [name for name, each in self.records.items() if each["outcome"] == outcome]

    @property
    def expected(self) -> Counter[str]:
        """Return how many tests failed as expected, by reason."""
        return self._reasons("expected")

    @property
    def skipped(self) -> Counter[str]:
        """Return how many tests were left out, by reason."""
        return self._reasons("skipped")

    def _reasons(self, outcome: str) -> Counter[str]:
        found = (each for each in self.records.values() if each["outcome"] == outcome)
        return Counter(each["reason"] for each in found)

    @property
    def unexpected(self) -> dict[str, str]:
        """Return failures, errors and unexpected successes: what they say, by test."""
        return {
            test: each.get("message", each["outcome"])
            for test, each in self.records.items()
            if each["outcome"] in ("error", "failure", "unexpected success")
        }

    @property
    def not_run(self) -> int:
        """Return how many tests had a class, or a database, that could not be set up."""
        return sum(name not in self.records for name in self.names)

    @property
    def is_good(self) -> bool:
        """Tell whether every test did what it was expected to."""
        return self.complete and not self.unexpected and not self.not_run

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "label": self.label,
            "tests": self.tests,
            "passed": self.passed,
            "expected": dict(self.expected),
            "skipped": dict(self.skipped),
            "unexpected": self.unexpected,
            "not_run": self.not_run,
            "complete": self.complete,
            "seconds": round(self.seconds, 1),
            "log": self.log,
        }


def run(
    label: str,
    *,
    tests: Path,
    home: Path,
    environment: Mapping[str, str],
    arguments: tuple[str, ...] = (),
    progress: Callable[[Outcome], None] = lambda outcome: None,
) -> Outcome:
    """Run a label, or several with spaces between them, in a process.

    `tests` is Django's directory of tests, `environment` names the database. What runtests.py
    prints goes to a log under `home`. `progress` is called as tests end.
    """
    (home / "logs").mkdir(exist_ok=True)
    name = label.replace(" ", "-")
    record, log = home / "logs" / f"{name}.jsonl", home / "logs" / f"{name}.log"
    record.write_text("")
    outcome, started = Outcome(label, log=str(log)), time.monotonic()
    with log.open("w") as output, record.open() as lines:
        child = subprocess.Popen(
            [sys.executable, str(tests / "runtests.py"), *label.split(), *arguments, *_OPTIONS],
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
        outcome.take(json.loads(line))
