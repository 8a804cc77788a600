"""Run Django's test suite behind the rules of DSQL: `make django-suite`, LABELS='schema basic'.

Exit status 0: every test passed, or failed as expected.toml says.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tests.django_suite import expectations, labels, source, table
from tests.django_suite.servers import started
from worldseat.local import state
from worldseat.local.processes import stopped_by_signals
from worldseat.local.servers import FAILURES


def main() -> int:
    """Run what the command line names."""
    options = _options()
    home = state.directory() / "django-suite"
    try:
        with stopped_by_signals():
            outcomes = _run(options, home)
    except (source.SourceUnusable, *FAILURES) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    if options.json:
        options.json.write_text(json.dumps([each.as_dict() for each in outcomes], indent=2) + "\n")
    print(table.of(outcomes))
    return 0 if all(each.is_good for each in outcomes) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.django_suite", description=__doc__)
    parser.add_argument("labels", nargs="*", default=labels.LABELS, help="default: all of ours")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument(
        "--expect-nothing", action="store_true", help="run without the list of expected failures"
    )
    parser.add_argument("-k", action="append", default=[], help="only tests whose name has this")
    return parser.parse_args()


def _run(options: argparse.Namespace, home: Path) -> list[labels.Outcome]:
    tests = source.fetch(home)
    outcomes = []
    with started(home) as environment:
        if not options.expect_nothing:
            environment = {**environment, "SUITE_EXPECTATIONS": str(expectations.FILE)}
        for label in options.labels:
            outcome = labels.run(
                label,
                tests=tests,
                home=home,
                environment=environment,
                arguments=tuple(argument for k in options.k for argument in ("-k", k)),
                progress=table.progress,
            )
            outcomes.append(outcome)
            table.ended(outcome)
    return outcomes


if __name__ == "__main__":
    sys.exit(main())
