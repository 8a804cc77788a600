"""Migrate, and stop at every single statement: `python -m tests.dsql.interrupted [APP[:NAME]]...`.

Run with the settings of a project (tests.dsql.stock_settings). A run ends right after a
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

from tests.dsql.schema_facts import facts

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


def migrate(labels: list[str], stops: Stops) -> int:
    """Migrate the apps, all when none is named; return how often that was stopped."""
    for label in labels or [""]:
        target = [part for part in label.split(":") if part]
        while not _is_done(target, stops):
            connection.close()
    return len(stops.seen)


def _is_done(target: list[str], stops: Stops) -> bool:
    try:
        with connection.execute_wrapper(stops):
            call_command("migrate", *target, verbosity=0, interactive=False)
    except Stopped:
        return False
    return True


def main() -> None:
    """Migrate and report."""
    django.setup()
    logging.disable(logging.WARNING)
    labels = sys.argv[1:]
    if undisturbed := labels[:1] == ["--undisturbed"]:
        labels = labels[1:]
    stops = migrate(labels, Unstopped() if undisturbed else Stops())
    found = {table: sorted(map(repr, rows)) for table, rows in facts(connection).items()}
    print(json.dumps({"stops": stops, "facts": found}))


if __name__ == "__main__":
    main()
