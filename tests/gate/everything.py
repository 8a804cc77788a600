"""`make test-all`: the gate, and everything that is too long for it, with a record in docs/.

`python -m tests.gate.everything [PART ...]` runs all parts or those that are named, one after the
other, each to its end; a part that fails does not stop the next one.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.gate import flaky
from tests.gate.stages import CHECKOUT, environment

__all__ = ["PARTS", "RUNS", "Part", "remember"]

RUNS = CHECKOUT / "docs" / "test-runs.md"
TIMES = 20

_HEAD = """# Long tests: what ran when

Written by `make test-all` ([testing](testing.md)) when a part has ended.

| part | what it is | day | commit | took | result |
|---|---|---|---|--:|---|
"""


@dataclass(frozen=True)
class Part:
    """Something that is too long for the gate: what it is, and what runs it."""

    what: str
    run: Callable[[], int]


def _command(*words: str) -> Callable[[], int]:
    def run() -> int:
        return subprocess.run(words, cwd=CHECKOUT, env=environment()).returncode

    return run


def _pytest(*words: str) -> Callable[[], int]:
    return _command(sys.executable, "-m", "pytest", "-n", "0", *words)


def _flaky_twenty_times() -> int:
    """Run each test of tests/flaky.md twenty times, each time in a process of its own."""
    wrong = 0
    for test in flaky.listed():
        failed = sum(_pytest("-q", test)() != 0 for _ in range(TIMES))
        print(f"{test}: failed {failed} of {TIMES} times", flush=True)
        wrong += failed
    return min(wrong, 1)


PARTS: Mapping[str, Part] = {
    "gate": Part("lint and the tests of `make test`", _command(sys.executable, "-m", "tests.gate")),
    "flaky": Part(f"each test of tests/flaky.md, {TIMES} times", _flaky_twenty_times),
    "full": Part(
        "the tests marked `full`: every admin list, large sizes", _pytest("--full", "-m", "full")
    ),
    "statements": Part(
        "migrations stopped at every statement", _command("make", "stop-at-every-statement")
    ),
    "long-run": Part(
        "the sale by chance, from two regions with faults", _command("make", "long-run")
    ),
    "fuzz": Part("the API fuzzed by its schema", _command("make", "fuzz")),
    "queue": Part("a waiting room with 100,000 fans", _command("make", "queue-simulation")),
    "endpoints": Part(
        "the product's tests through a region's endpoint", _command("make", "test-endpoints")
    ),
    "django": Part("Django's own tests behind DSQL's rules", _command("make", "django-suite")),
}


def main(words: Sequence[str] | None = None) -> int:
    """Run the parts and write down what came of each; return 0 if all of them passed."""
    parser = argparse.ArgumentParser(prog="python -m tests.gate.everything")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"some of {', '.join(PARTS)}")
    chosen = parser.parse_args(words).parts or list(PARTS)
    if unknown := [name for name in chosen if name not in PARTS]:
        parser.error(f"there is no {', '.join(unknown)}; nothing was run")
    results = {name: _run(name, f"{at} of {len(chosen)}") for at, name in enumerate(chosen, 1)}
    print()
    for name, passed in results.items():
        print(f"  {name:<11} {'passed' if passed else 'FAILED'}")
    return 0 if all(results.values()) else 1


def _run(name: str, which: str) -> bool:
    part = PARTS[name]
    print(f"\n=== {which}: {name}, {part.what}", flush=True)
    began = time.monotonic()
    passed = part.run() == 0
    seconds = time.monotonic() - began
    print(f"=== {name} {'passed' if passed else 'FAILED'} in {seconds / 60:.0f} min", flush=True)
    remember(name, passed=passed, seconds=seconds, commit=flaky.commit())
    return passed


def remember(name: str, *, passed: bool, seconds: float, commit: str, path: Path = RUNS) -> None:
    """Write down when a part ran, on which commit, and what came of it."""
    rows = dict.fromkeys(PARTS, "| never | | | |") | _rows(path)
    took = f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"
    result = "passed" if passed else "**failed**"
    rows[name] = f"| {datetime.now(UTC).date()} | {commit} | {took} | {result} |"
    lines = [f"| {each} | {PARTS[each].what} {row}" for each, row in rows.items() if each in PARTS]
    path.write_text(_HEAD + "\n".join(lines) + "\n")


def _rows(path: Path) -> dict[str, str]:
    """Return what is written down of each part: day, commit, time, result."""
    text = path.read_text() if path.exists() else ""
    cells = [line.split("|") for line in text.splitlines() if line.count("|") == 7]
    return {row[1].strip(): "|" + "|".join(row[3:]) for row in cells if row[1].strip() in PARTS}


if __name__ == "__main__":
    sys.exit(main())
