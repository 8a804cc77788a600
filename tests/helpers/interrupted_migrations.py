"""Migrate, and stop at every single statement.

`python -m tests.helpers.interrupted_migrations [APP[:NAME]]...`, run with the settings of a
project (tests.dsql.stock_settings). `--back-one-by-one` undoes all
migrations instead, each by itself, and reports the facts after each. A run ends right after a
statement at which no run has ended before, as a kill or a lost connection would end it; then
`migrate` is run again. When nothing is left to stop at, the schema has to be what an undisturbed
migration makes, which is `--undisturbed`. Prints one JSON object: how many stops there were, and
the facts of the schema.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable
from typing import Any

import django
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from tests.helpers.schema_facts import Facts, facts

_READS = ("SELECT", "CALL", "SHOW")
_INSTANT = re.compile(r"'\d{4}-\d\d-\d\d[^']*'(::\w+)?|datetime\.datetime\([^)]*\)")


class Stopped(Exception):
    """The run was stopped, as by a kill."""


class Stops:
    """An execute wrapper of Django's that stops after each statement that changes anything."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        """Run the statement; stop if that was the first time."""
        result = execute(sql, params, many, context)
        if not str(sql).lstrip().upper().startswith(_READS):
            # Without instants: they are others in each run.
            digest = _INSTANT.sub("", f"{sql}{params}")
            if digest not in self.seen:
                self.seen.add(digest)
                raise Stopped(sql)
        return result


class Unstopped(Stops):
    """An execute wrapper that lets everything through."""

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        """Run the statement."""
        return execute(sql, params, many, context)


def migrate(labels: list[str], stops: Stops) -> None:
    """Migrate the apps, all when none is named, each until nothing is left to stop at."""
    for label in labels or [""]:
        target = [part for part in label.split(":") if part]
        while not _is_done(target, stops):
            connection.close()


def _is_done(target: list[str], stops: Stops) -> bool:
    try:
        with connection.execute_wrapper(stops):
            call_command("migrate", *target, verbosity=0, interactive=False)
    except Stopped:
        return False
    return True


def back_one_by_one(stops: Stops) -> dict[str, dict[str, list[str]]]:
    """Undo all migrations, each by itself; return the facts after each, by what was undone."""
    loader = MigrationLoader(connection)
    order = loader.graph._generate_plan(loader.graph.leaf_nodes(), at_end=True)
    after = {}
    for number, (app, name) in reversed(list(enumerate(order))):
        before = [each for label, each in order[:number] if label == app]
        migrate([f"{app}:{before[-1] if before else 'zero'}"], stops)
        after[f"{app}.{name}"] = _written(facts(connection))
    return after


def _written(found: Facts) -> dict[str, list[str]]:
    return {table: sorted(map(repr, rows)) for table, rows in found.items()}


def main() -> None:
    """Migrate and report."""
    django.setup()
    logging.disable(logging.WARNING)
    labels = sys.argv[1:]
    options = {label for label in labels if label.startswith("--")}
    stops = Unstopped() if "--undisturbed" in options else Stops()
    report: dict[str, Any] = {}
    if "--back-one-by-one" in options:
        report["after"] = back_one_by_one(stops)
    else:
        migrate([label for label in labels if label not in options], stops)
    print(json.dumps({"stops": len(stops.seen), "facts": _written(facts(connection)), **report}))


if __name__ == "__main__":
    main()
