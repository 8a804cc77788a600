"""What the suite's run tells people: progress, then a table."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.django_suite.labels import Outcome
from worldseat.local.processes import last_lines

__all__ = ["ended", "of", "progress"]


def progress(outcome: Outcome) -> None:
    """Show on a terminal how far a label is."""
    if sys.stderr.isatty():
        done = outcome.tests - outcome.not_run
        text = f"{outcome.label}: {done} of {outcome.tests or '?'}, {outcome.seconds:.0f} s"
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def ended(outcome: Outcome) -> None:
    """Say what became of a label, and of each test that surprised."""
    start = "\r\033[K" if sys.stderr.isatty() else ""
    print(
        f"{start}{outcome.label}: {outcome.passed} of {outcome.tests} passed, "
        f"{outcome.expected.total()} failed as expected, {outcome.skipped.total()} skipped, "
        f"{len(outcome.unexpected)} unexpected, {outcome.seconds:.0f} s",
        file=sys.stderr,
    )
    for test, message in outcome.unexpected.items():
        first = message.strip().partition("\n")[0]
        print(f"  {test}: {first[:200]}", file=sys.stderr)
    if outcome.not_run or not outcome.complete:
        print(f"  {outcome.not_run} tests were not run:", file=sys.stderr)
        print(last_lines(Path(outcome.log)), file=sys.stderr)


def of(outcomes: Sequence[Outcome]) -> str:
    """Return the figures of a run as a table, and what was expected and left out, by reason."""
    total = _sum(outcomes)
    grid = Table(box=None, pad_edge=False)
    grid.add_column("label")
    for column in ("tests", "passed", "expected failures", "skipped", "unexpected", "not run", "s"):
        grid.add_column(column, justify="right")
    for each in outcomes:
        grid.add_row(each.label, *_figures(each))
    grid.add_row("all", *_figures(total))
    written = StringIO()
    console = Console(file=written, width=100)
    console.print(grid)
    for title, counted in (("Expected failures", total.expected), ("Skipped", total.skipped)):
        console.print(f"\n{title}:")
        for reason, count in counted.most_common():
            console.print(f"{count:6} {reason}", markup=False, highlight=False, soft_wrap=True)
    return written.getvalue()


def _figures(outcome: Outcome) -> list[str]:
    numbers = (
        outcome.tests,
        outcome.passed,
        outcome.expected.total(),
        outcome.skipped.total(),
        len(outcome.unexpected),
        outcome.not_run,
        round(outcome.seconds),
    )
    return [str(number) for number in numbers]


def _sum(outcomes: Sequence[Outcome]) -> Outcome:
    total = Outcome("all")
    for each in outcomes:
        total.names += each.names
        total.seconds += each.seconds
        total.records |= each.records
    return total
