"""What became of the tests: read from the plugin's record, and put together for all stages."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path

from tests.gate.plugin import NO_BROWSER

__all__ = ["Record", "Stage"]

# More failures than these are not by chance: they are not run again.
MOST_AGAIN = 12
TESTS_FAILED = 1  # pytest's exit status


@dataclass
class Record:
    """What a run of pytest has written: see tests.gate.plugin."""

    outcomes: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    output: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    crashed: list[str] = field(default_factory=list)
    uncollected: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Record:
        """Return what a run wrote; a run that ended before it could write has died."""
        if not path.exists():
            return cls(crashed=["pytest ended without a record of its tests"])
        return cls(**json.loads(path.read_text()))

    @property
    def failed(self) -> list[str]:
        """The ids of the tests that failed."""
        return [test for test, outcome in self.outcomes.items() if outcome == "failed"]

    @property
    def without_browser(self) -> int:
        """How many tests were skipped because no browser was found."""
        return sum(reason.startswith(NO_BROWSER) for reason in self.reasons.values())

    def counts(self) -> Counter[str]:
        """Return how many tests passed, failed and were skipped."""
        return Counter(self.outcomes.values())

    def slowest(self, count: int = 10) -> Sequence[tuple[str, float]]:
        """Return the tests that took longest, with their seconds."""
        return sorted(self.seconds.items(), key=itemgetter(1), reverse=True)[:count]


@dataclass
class Stage:
    """A stage that was run: its name, its seconds, its exit status, and its tests if it has any."""

    name: str
    seconds: float
    status: int
    record: Record = field(default_factory=Record)

    @property
    def may_be_chance(self) -> bool:
        """Whether what failed is worth a second try: some tests, and no worker that died."""
        record = self.record
        few = 0 < len(record.failed) <= MOST_AGAIN
        return few and self.status == TESTS_FAILED and not record.crashed and not record.uncollected

    def is_good(self, chance: Collection[str]) -> bool:
        """Say whether the stage passed, but for tests that passed in their second try."""
        return self.status == 0 or (self.may_be_chance and set(self.record.failed) <= set(chance))
