"""The last lines of the gate: times, the longest tests, what passed only when run again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from tests.gate.record import Record, Stage

__all__ = ["show", "whole"]

Say = Callable[[str], object]


def whole(stages: Sequence[Stage]) -> Record:
    """Return the records of all stages as one; a later stage's outcome of a test counts."""
    found = Record()
    for stage in stages:
        found.outcomes |= stage.record.outcomes
        found.reasons |= stage.record.reasons
        found.seconds = dict(Counter(found.seconds) + Counter(stage.record.seconds))
    return found


def show(stages: Sequence[Stage], chance: Sequence[str], seconds: float, say: Say) -> None:
    """Say how long each stage took, and all in `seconds`, and what is to be known of its tests.

    The last line is `N passed, N failed, N skipped`.
    """
    record = whole(stages)
    say("")
    for stage in stages:
        say(_line(stage))
    say(f"  {'all':<8} {_clock(seconds)}")
    if record.outcomes:
        say("\nThe longest tests")
        for test, seconds in record.slowest():
            say(f"  {seconds:6.1f} s  {test}")
    _show_trouble(stages, chance, record, say)
    counts = record.counts()
    passed, failed, skipped = (counts[name] for name in ("passed", "failed", "skipped"))
    say(f"\n{passed} passed, {failed} failed, {skipped} skipped")


def _show_trouble(stages: Sequence[Stage], chance: Sequence[str], record: Record, say: Say) -> None:
    for stage in stages:
        for what in (*stage.record.crashed, *stage.record.uncollected):
            say(f"\n{stage.name}: {what}")
    if without := record.without_browser:
        say(f"\nSkipped for want of a browser: {without} tests. `make browser` says why.")
    if record.failed:
        say("\nFailed")
        for test in record.failed:
            say(f"  {test}")
    if chance:
        say("\nFailed, and passed when run again; in tests/flaky.md now, to be committed:")
        for test in chance:
            say(f"  {test}")


def _line(stage: Stage) -> str:
    counts = stage.record.counts()
    tests = f"  {sum(counts.values()):,} tests" if counts else ""
    failed = f", {counts['failed']} failed" if counts["failed"] else ""
    wrong = "" if stage.status == 0 or failed else f"  exit status {stage.status}"
    return f"  {stage.name:<8} {_clock(stage.seconds)}{tests}{failed}{wrong}"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:3d} min {int(seconds) % 60:02d} s"
