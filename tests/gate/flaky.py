"""tests/flaky.md: the tests that have failed and then passed, until their cause is mended."""

from __future__ import annotations

import re
import subprocess
from datetime import date
from pathlib import Path

__all__ = ["FLAKY", "add", "commit", "listed"]

FLAKY = Path(__file__).parents[1] / "flaky.md"

_HEADING = re.compile(r"^## (\S+::.+)$", re.M)
_MOST_LINES = 60


def listed(path: Path = FLAKY) -> list[str]:
    """Return the ids of the tests that are listed."""
    return _HEADING.findall(path.read_text()) if path.exists() else []


def add(test: str, output: str, *, day: date, commit: str, path: Path = FLAKY) -> None:
    """Write down a failure of a test that passed when it was run again."""
    before = path.read_text().rstrip() if path.exists() else "# Flaky tests"
    kept = output.strip().splitlines()
    if len(kept) > _MOST_LINES:
        kept = ["...", *kept[-_MOST_LINES:]]
    heading = [] if test in listed(path) else [f"## {test}"]
    said = [f"Failed on {day} at {commit}, and passed when it was run again."]
    block = "\n".join(f"    {line}".rstrip() for line in kept)
    path.write_text("\n\n".join([before, *heading, *said, block]) + "\n")


def commit() -> str:
    """Return the short id of the commit that is checked out; "no commit" outside of git."""
    asked = ["git", "rev-parse", "--short", "HEAD"]
    done = subprocess.run(asked, cwd=FLAKY.parent, capture_output=True, text=True)
    return done.stdout.strip() or "no commit"
