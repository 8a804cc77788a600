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
from typing import Self
from uuid import UUID

from django.db import Error, connection

from sales.models import Attempt
from sales.stampede.buyers import Told
from sales.stampede.clock import Clock
from sales.stampede.settling import beat
from worldseat.dsql.occ import Tally, occ_retry

__all__ = ["Recorder", "Tried", "record"]

logger = logging.getLogger(__name__)

_WRITE_SECONDS = 0.2
_BEAT_SECONDS = 1.0
# One statement's worth; DSQL takes 3,000 rows.
_BATCH_ROWS = 500
_LAST_TRIES = 5

_RECORDED = (
    "outcome",
    "attempts",
    "conflicts",
    "started_at",
    "finished_at",
    "detail",
    "told_order",
)


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One finished attempt: what she was told, what @occ_retry counted, from when to when."""

    attempt_id: UUID
    told: Told
    tally: Tally
    started_at: datetime
    finished_at: datetime

    def row(self) -> Attempt:
        """Return it as the columns that are recorded."""
        return Attempt(
            id=self.attempt_id,
            outcome=self.told.outcome,
            attempts=self.tally.attempts,
            conflicts=self.tally.conflicts,
            started_at=self.started_at,
            finished_at=self.finished_at,
            detail=self.told.detail,
            told_order=self.told.order_id,
        )


@occ_retry(repeatable=True)
def record(*, tried: Sequence[Tried]) -> None:
    """Write finished attempts, at most 500, in one statement."""
    Attempt.objects.bulk_update([each.row() for each in tried], _RECORDED)


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
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    def put(self, tried: Tried) -> None:
        """Take a finished attempt; returns at once."""
        self._finished.put(tried)

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

    def _run(self) -> None:
        next_beat = self._clock.now()
        try:
            while not self._stop.wait(_WRITE_SECONDS):
                try:
                    self._write()
                    if (now := self._clock.now()) >= next_beat:
                        beat(share_id=self._share_id, now=now)
                        next_beat = now + timedelta(seconds=_BEAT_SECONDS)
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
