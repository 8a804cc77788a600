"""Waiting for what a test cannot be told of."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

__all__ = ["wait_until"]


def wait_until(condition: Callable[[], bool], *, what: str, seconds: float = 60.0) -> None:
    """Return when the condition holds; fail the test, naming it, if it does not come to."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            pytest.fail(f"gave up waiting, after {seconds:.0f} s: {what}")
        time.sleep(0.02)
