"""Writing down what buyers were told, while the stampede runs."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from django.db import Error, connection

from accounts.scopes import everywhere
from sales.stampede.buyers import Told
from sales.stampede.clock import Clock
from sales.stampede.settling import beat
from worldseat.dsql.occ import occ_retry

__all__ = ["Recorder", "Tried", "record"]

logger = logging.getLogger(__name__)

_WRITE_SECONDS = 0.2
_BEAT_SECONDS = 1.0
# One statement's worth; DSQL takes 3,000 rows.
_BATCH_ROWS = 500
_LAST_TRIES = 5

# bulk_update would do the same with a CASE for each value of each row, which costs the processor
# thirty times as much (measured), in the process whose buyers are being timed.
_RECORD = """
    UPDATE sales_attempt SET
        outcome = told.outcome, attempts = told.attempts, conflicts = told.conflicts,
        started_at = told.started_at, finished_at = told.finished_at,
        detail = told.detail, told_order = told.told_order,
        seat_id = told.seat_id, choices = told.choices
    FROM (VALUES {rows})
        AS told (id, outcome, attempts, conflicts, started_at, finished_at, detail, told_order,
                 seat_id, choices)
    WHERE sales_attempt.id = told.id
"""
# The types make a column of nothing but NULLs fit, too.
_ROW = (
    "(%s::uuid, %s::varchar, %s::integer, %s::integer, "
    "%s::timestamptz, %s::timestamptz, %s::varchar, %s::uuid, %s::uuid, %s::integer)"
)


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One finished attempt: what she was told, what it took, from when to when.

    `seat_id` is the last of the `choices` seats that she tried; None: she found none.
    """

    attempt_id: UUID
    told: Told
    attempts: int
    conflicts: int
    started_at: datetime
    finished_at: datetime
    seat_id: UUID | None
    choices: int = 1

    def row(self) -> list[Any]:
        """Return the values of `_ROW`."""
        return [
            self.attempt_id,
            self.told.outcome.value,
            self.attempts,
            self.conflicts,
            self.started_at,
            self.finished_at,
            self.told.detail,
            self.told.order_id,
            self.seat_id,
            self.choices,
        ]


@occ_retry(repeatable=True)
def record(*, tried: Sequence[Tried]) -> None:
    """Write finished attempts, at most 500, in one statement."""
    rows = ", ".join([_ROW] * len(tried))
    with connection.cursor() as cursor:
        cursor.execute(_RECORD.format(rows=rows), [value for each in tried for value in each.row()])


class Recorder:
    """A thread that writes finished attempts a few times a second, and gives signs of life.

    So what is lost when the process is killed are the last moments, and a page can show
    progress. Leaving the `with` block writes the rest, or raises the database's error.
    """

    def __init__(self, *, share_id: UUID, clock: Clock) -> None:
        self._share_id = share_id
        self._clock = clock
        self._finished: queue.SimpleQueue[Tried] = queue.SimpleQueue()
        self._kept: list[Tried] = []
        self._stop = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    def put(self, tried: Tried) -> None:
        """Take a finished attempt; returns at once."""
        self._finished.put(tried)

    @property
    def is_stopped(self) -> bool:
        """Tell whether somebody has asked the stampede to stop; known within a second or two."""
        return self._stopped.is_set()

    def wait_until(self, instant: datetime) -> None:
        """Return at an instant, or when the stampede is stopped."""
        while (left := (instant - self._clock.now()).total_seconds()) > 0:
            if self._stopped.wait(left):
                return

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        if error is None:
            self._write_rest()

    @everywhere()
    def _run(self) -> None:
        next_beat = self._clock.now()
        try:
            while not self._stop.wait(_WRITE_SECONDS):
                try:
                    if (now := self._clock.now()) >= next_beat:
                        if not beat(share_id=self._share_id, now=now):
                            self._stopped.set()
                        next_beat = now + timedelta(seconds=_BEAT_SECONDS)
                    self._write()
                except Error as error:
                    logger.warning("Recording waits: %s", error)
        finally:
            connection.close()

    def _write(self) -> None:
        """Write what has come in; what could not be written is kept for the next time."""
        while not self._finished.empty():
            self._kept.append(self._finished.get())
        while batch := self._kept[:_BATCH_ROWS]:
            record(tried=batch)
            del self._kept[: len(batch)]

    def _write_rest(self) -> None:
        for tries_left in reversed(range(_LAST_TRIES)):
            try:
                self._write()
            except Error:
                if not tries_left:
                    raise
                time.sleep(_BEAT_SECONDS)
            else:
                return
