"""Commands of manage.py that run as processes: what they print, and Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


def read_until(process: subprocess.Popen[str], mark: str) -> str:
    """Read what a command prints up to a line with `mark`; fail if it ends before."""
    assert process.stdout is not None
    read: list[str] = []
    for line in process.stdout:
        read.append(line)
        if mark in line:
            return "".join(read)
    raise AssertionError(f"it ended without {mark!r}:\n{''.join(read)}")


def interrupt(process: subprocess.Popen[str]) -> None:
    """Press Ctrl-C."""
    process.send_signal(signal.SIGINT)
