"""Run the benchmarks: `make bench`, `make bench ONLY=sale ROUNDS=5 JSON=file MARKDOWN=file`.

Exit status 0: every bar that was looked at is met; 1: some are not; 2: it could not run.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console

from accounts.scopes import everywhere
from tests.benchmarks import machine, report
from tests.benchmarks.figures import Found
from tests.benchmarks.stage import Stage, staged
from worldseat.local import state
from worldseat.local.processes import stopped_by_signals
from worldseat.local.servers import FAILURES

# Each case and its share of the `--minutes`: what one leaves, the next ones have.
CASES = {
    "sale": 5,
    "pretix": 4,
    "one_seat": 2,
    "stampede": 1,
    "best_available": 3,
    "availability": 4,
    "regions": 2,
    "connecting": 1,
    "servers": 3,
    "backoff": 3,
    "growing": 1,
    "arena": 2,
}
# With more than this of a core taken before we start, others use the machine too.
IDLE = 0.15


def main() -> int:
    """Run what the command line names."""
    options = _options()
    cases = {
        name: import_module(f"tests.benchmarks.cases.{name}") for name in options.only or CASES
    }
    titles: Mapping[str, str] = {each.CASE: each.TITLE for each in cases.values()}
    found = Found()
    console = Console(stderr=True)
    failed = False
    home = state.directory() / "bench"
    busy = machine.busy()
    try:
        with stopped_by_signals(), state.claimed(home), staged(home) as stage:
            about = machine.describe(stage.database_url)
            about["busy_before"] = busy
            about["idle"] = _whose(busy)
            about["rounds"] = options.rounds
            for case in cases.values():
                getattr(case, "prepare", _nothing)(stage)  # minutes, in the first run alone
            started, share = time.monotonic(), 0.0
            for name, case in cases.items():
                began = time.monotonic()
                share += CASES[name] / sum(CASES[each] for each in cases)
                console.print(f"{name} ...", highlight=False)
                stage.no_round_after(started + options.minutes * 60 * share)
                with everywhere():
                    failed |= not ran(case, stage, found, options.rounds)
                console.print(f"{name}: {time.monotonic() - began:.0f} s", highlight=False)
                about["load_average_after"] = machine.load()
                # What has been found so far outlives whatever ends the next case.
                _write(options, found, about, titles)
    except FAILURES as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    report.show(found, titles)
    if failed:
        return 2
    return 0 if all(bar.met for bar in found.bars) else 1


def _nothing(stage: Stage) -> None:
    """Most cases need nothing prepared."""


def ran(case: Any, stage: Stage, found: Found, rounds: int) -> bool:
    """Run a case; one that fails leaves the others theirs, and says so in the report."""
    try:
        case.run(stage, found, rounds)
    except Exception as error:
        logging.getLogger(__name__).exception("The case %s has failed", case.CASE)
        found.notes[f"{case.CASE} has failed"] = f"{type(error).__name__}: {error}"
        return False
    return True


def _whose(busy: float) -> str:
    return "otherwise idle" if busy < IDLE else "shared with other work"


def _write(
    options: argparse.Namespace, found: Found, about: Mapping[str, Any], titles: Mapping[str, str]
) -> None:
    if options.json:
        report.write_json(options.json, found, about)
    if options.markdown:
        report.write_markdown(options.markdown, found, about, titles)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("only", nargs="*", metavar="CASE", help=f"of: {', '.join(CASES)}")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured")
    parser.add_argument(
        "--minutes", type=float, default=22, help="fewer rounds where they would take longer"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every value there")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
