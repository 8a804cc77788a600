"""Which of Django's tests cannot pass on DSQL, and why: read from expected.toml."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FILE", "Reason", "read"]

FILE = Path(__file__).with_name("expected.toml")


@dataclass(frozen=True)
class Reason:
    """A limit of DSQL and the tests that meet it.

    `error` is found in the message of every expected failure, so that a test which fails for
    something else is not excused. Tests in `skipped` cannot be run at all.
    """

    name: str
    limit: str
    error: re.Pattern[str]
    tests: frozenset[str]
    skipped: frozenset[str]


def read(path: Path = FILE) -> list[Reason]:
    """Return the reasons in the order of the file. Raises ValueError when a test has two."""
    found = [
        Reason(
            name=name,
            limit=each["limit"],
            error=re.compile(each["error"], re.M | re.S),
            tests=frozenset(each.get("tests", ())),
            skipped=frozenset(each.get("skipped", ())),
        )
        for name, each in tomllib.loads(path.read_text()).items()
    ]
    seen: set[str] = set()
    for reason in found:
        listed = reason.tests | reason.skipped
        if twice := sorted(listed & seen | reason.tests & reason.skipped):
            raise ValueError(f"{path.name} has more than one reason for {', '.join(twice)}")
        seen |= listed
    return found
