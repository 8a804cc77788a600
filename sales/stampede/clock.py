"""One clock for everything that a process measures in a run."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

__all__ = ["Clock"]


class Clock:
    """UTC from one reading of the wall clock, moved on by the monotonic one.

    So two times of a run always differ by what really passed, also when NTP sets the wall
    clock in between.
    """

    def __init__(self) -> None:
        self._base = datetime.fromtimestamp(time.time_ns() / 1e9, UTC)
        self._started = time.perf_counter_ns()

    def now(self) -> datetime:
        """Return this instant, UTC, in microseconds."""
        passed = time.perf_counter_ns() - self._started
        return self._base + timedelta(microseconds=passed // 1000)

    def sleep_until(self, instant: datetime) -> None:
        """Return at `instant`, or at once if it has passed."""
        while (left := (instant - self.now()).total_seconds()) > 0:
            time.sleep(left)
