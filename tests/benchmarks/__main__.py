"""Run the benchmarks: `make bench`, ONLY='herd-postgresql', JSON=file.

Exit status 0: every bar was met.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks import herd
from worldseat.local import state
from worldseat.local.processes import stopped_by_signals
from worldseat.local.servers import FAILURES


def main() -> int:
    """Run what the command line names."""
    options = _options()
    try:
        with stopped_by_signals():
            measured = herd.run(state.directory() / "bench", options.names or list(herd.HERDS))
    except FAILURES as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    figures = [{**asdict(each), "met": each.met} for each in measured]
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    _show(measured)
    return 0 if all(each.met for each in measured) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(herd.HERDS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return parser.parse_args()


def _show(measured: list[herd.Measured]) -> None:
    table = Table(title="Best available, wanted by a herd")
    for heading in ("", "buyers", "could be served", "served", "together", "transactions a sale"):
        table.add_column(heading, justify="left" if heading == "" else "right")
    table.add_column("met")
    for each in measured:
        ratio = f"{each.transactions_a_sale:.3f}"
        bar = f" (at most {each.bar})" if each.bar else ""
        table.add_row(
            each.name,
            str(each.buyers),
            str(each.could_be_served),
            str(each.served),
            str(each.together),
            ratio + bar,
            "yes" if each.met else f"NO {each.errors or ''}",
        )
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
