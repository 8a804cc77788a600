"""Migrate, and stop at every single statement, or at the first of each kind.

A run ends right after a statement at which no run has ended before, as a kill or a lost connection
would end it; then `migrate` is run again. When nothing is left to stop at, the schema has to be
what an undisturbed migration makes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from tests.helpers.schema_facts import Facts, facts

_READS = ("SELECT", "CALL", "SHOW")
_OWN_COLUMN = re.compile(r'"(ws_new|ws_old)_\w+"')
_NAME = re.compile(r'"[^"]*"')
_LITERALS = re.compile(r"'[^']*'|\([^()]*\)")
_WORDS = re.compile(r"\b(?:[A-Z]{2,}|ws_new|ws_old)\b")
_INSTANT = re.compile(r"'\d{4}-\d\d-\d\d[^']*'(::\w+)?|datetime\.datetime\([^)]*\)")


class Stopped(Exception):
    """The run was stopped, as by a kill."""


def each(sql: str, params: Any) -> str:
    """Return what is the same of a statement in each run: all but instants."""
    return _INSTANT.sub("", f"{sql}{params}")


def kind(sql: str, params: Any) -> str:
    """Return what statements of a kind have in common: their keywords, an INSERT its table."""
    table = _NAME.findall(sql)[:1] if sql.startswith("INSERT") else []
    rest = _NAME.sub("", _OWN_COLUMN.sub(r"\1", sql))
    while (shorter := _LITERALS.sub("", rest)) != rest:
        rest = shorter
    return " ".join([*_WORDS.findall(rest), *table])


class Stops:
    """An execute wrapper of Django's that stops after each statement that changes anything.

    Those of which `of` returns the same count as one.
    """

    def __init__(self, of: Callable[[str, Any], str] = each) -> None:
        self.seen: set[str] = set()
        self._of = of

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        """Run the statement; stop if that was the first time."""
        result = execute(sql, params, many, context)
        if not str(sql).lstrip().upper().startswith(_READS):
            digest = self._of(str(sql), params)
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


def undo(apps: list[str]) -> None:
    """Undo all migrations of these apps in one run."""
    MigrationExecutor(connection).migrate([(app, None) for app in apps])


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


def answer(arguments: list[str]) -> dict[str, Any]:
    """Migrate the apps, all when none is named: `auth`, `auth:0007`, `knox:zero`.

    `--undisturbed` stops nowhere, `--each-kind` at the first statement of each kind only.
    `--undo` undoes all migrations of the apps at once, undisturbed.
    `--back-one-by-one` undoes those of all apps, each by itself, and reports the facts after each,
    by what was undone. Returns how many stops there were, and the facts of the schema.
    """
    options = {each for each in arguments if each.startswith("--")}
    labels = [each for each in arguments if each not in options]
    stops = Unstopped() if "--undisturbed" in options else Stops()
    if "--each-kind" in options:
        stops = Stops(of=kind)
    report: dict[str, Any] = {}
    if "--back-one-by-one" in options:
        report["after"] = back_one_by_one(stops)
    elif "--undo" in options:
        undo(labels)
    else:
        migrate(labels, stops)
    return {"stops": len(stops.seen), "facts": _written(facts(connection)), **report}
