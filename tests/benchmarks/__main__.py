"""Run the benchmarks: `make bench`, `make bench ONLY=sale ROUNDS=5 JSON=file MARKDOWN=file`.

Exit status 0: every bar that was looked at is met; 1: some are not; 2: it could not run.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from rich.console import Console

from tests.benchmarks import machine, report
from tests.benchmarks.figures import Found
from tests.benchmarks.stage import staged
from worldseat.local import state
from worldseat.local.processes import stopped_by_signals
from worldseat.local.servers import FAILURES

CASES = ("sale", "best_available")
# Above this load average before we start, others use the machine too.
IDLE = 0.7


def main() -> int:
    """Run what the command line names."""
    options = _options()
    cases = {
        name: import_module(f"tests.benchmarks.cases.{name}") for name in options.only or CASES
    }
    titles: Mapping[str, str] = {each.CASE: each.TITLE for each in cases.values()}
    found = Found()
    console = Console(stderr=True)
    home = state.directory() / "bench"
    try:
        with stopped_by_signals(), state.claimed(home), staged(home) as stage:
            about = machine.describe(stage.database_url)
            for name, case in cases.items():
                began = time.monotonic()
                case.run(stage, found, options.rounds)
                console.print(f"{name}: {time.monotonic() - began:.0f} s", highlight=False)
            about["load_average_after"] = machine.load()
    except FAILURES as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    about["idle"] = (
        "otherwise idle" if about["load_average_before"] < IDLE else "shared with other work"
    )
    about["rounds"] = options.rounds
    report.show(found, titles)
    if options.json:
        report.write_json(options.json, found, about)
    if options.markdown:
        report.write_markdown(options.markdown, found, about, titles)
    return 0 if all(bar.met for bar in found.bars) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("only", nargs="*", metavar="CASE", help=f"of: {', '.join(CASES)}")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every value there")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
