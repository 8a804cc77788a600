"""Waiting, with an end: ask again until it is so, or the time is over."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from tenacity import (
    RetryCallState,
    RetryError,
    Retrying,
    retry_if_exception,
    retry_if_result,
    stop_after_attempt,
    stop_before_delay,
)

from worldseat.dsql.clusters.failures import ClusterError, Throttled

__all__ = ["Patience", "Unsettled"]

T = TypeVar("T")

# Replaced in tests, so that waiting costs no time there.
_sleep = time.sleep


class Unsettled(ClusterError):
    """The time is over and nothing has failed. last: what the last look saw."""

    exit_code = 3
    last: Any = None


@dataclass(frozen=True)
class Patience:
    """How long to wait in all, and between two looks; both in seconds.

    looks: how many looks at most. on_trouble: told each error that is waited out.
    """

    seconds: float = 900
    every: float = 2
    looks: int = sys.maxsize
    on_trouble: Callable[[ClusterError], None] | None = field(default=None, compare=False)

    def until(self, look: Callable[[], T], done: Callable[[T], bool]) -> T:
        """Look until `done`, also past throttling, lost answers and passing conflicts.

        Raises Unsettled when the time is over, and every error that does not pass by itself.
        """
        retrying = Retrying(
            retry=retry_if_result(lambda seen: not done(seen)) | retry_if_exception(_passes),
            stop=stop_before_delay(self.seconds) | stop_after_attempt(self.looks),
            wait=self._wait,
            before_sleep=self._tell,
            sleep=lambda seconds: _sleep(seconds),
        )
        try:
            return retrying(look)
        except RetryError as error:
            # An error that kept coming is the better answer than "the time is over".
            failure = error.last_attempt.exception()
            if failure is not None:
                raise failure from None
            unsettled = Unsettled(
                f"Not finished after {self.seconds:g} seconds; nothing has failed.",
                todo="Run the same command again to wait on, or with a longer --timeout.",
            )
            unsettled.last = error.last_attempt.result()
            raise unsettled from None

    def briefly(self) -> Patience:
        """Return the patience for what takes a moment only, such as a new cluster to show."""
        return replace(self, looks=10)

    def call(self, request: Callable[[], T]) -> T:
        """Send a request that may be repeated, past throttling and passing conflicts."""
        return self.until(request, lambda _: True)

    def _tell(self, state: RetryCallState) -> None:
        failure = state.outcome.exception() if state.outcome else None
        if self.on_trouble is not None and isinstance(failure, ClusterError):
            self.on_trouble(failure)

    def _wait(self, state: RetryCallState) -> float:
        failure = state.outcome.exception() if state.outcome else None
        asked = failure.retry_after if isinstance(failure, Throttled) else None
        return max(self.every, asked or 0)


def _passes(error: BaseException) -> bool:
    return isinstance(error, ClusterError) and error.transient
