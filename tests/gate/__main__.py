"""`python -m tests.gate`: lint, then the tests in two stages. See tests.gate."""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from tests.gate import flaky, report
from tests.gate.record import Stage
from tests.gate.stages import CHECKOUT, Tests, lint

_say = partial(print, flush=True)
_NO_TESTS = 5


def main(words: Sequence[str] | None = None) -> int:
    """Run the gate; return 0 if everything passed, if need be when it was run again."""
    options = _parser().parse_args(words)
    began = time.monotonic()
    stages: list[Stage] = []
    chance: list[str] = []
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor() as pool:
        tests = Tests(
            scratch=Path(scratch),
            paths=_paths(options.only),
            words=shlex.split(options.args),
            directory=options.tests or CHECKOUT,
        )
        # Most of its time is one process of mypy, which leaves a core idle.
        linting = None if options.only or options.tests else pool.submit(lint)
        stages.append(tests.plain())
        if linting:
            stages.insert(0, linting.result())
        if not linting or stages[0].status == 0:
            stages.append(tests.apart())
            chance = _try_again(tests, stages, options.flaky)
    report.show(stages, chance, time.monotonic() - began, _say)
    return status(stages, chance)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.gate", description=__doc__)
    add = parser.add_argument
    add("--only", default="", help="subjects, without lint: 'dsql api/test_holds.py' of tests/")
    add("--args", default="", help="words for pytest, quoted as for a shell")
    add("--tests", type=Path, help="another directory with tests, without lint")
    add("--flaky", type=Path, default=flaky.FLAKY, help="the list of flaky tests")
    return parser


def _paths(only: str) -> list[str]:
    """Return the paths of subjects below tests/; end with a message if there is none such."""
    paths = [str(CHECKOUT / "tests" / subject) for subject in only.split()]
    missing = [path for path in paths if not Path(path.split("::")[0]).exists()]
    if missing:
        sys.exit(f"There is no {', '.join(missing)}; nothing was run. Name what lies in tests/.")
    return paths


def _try_again(tests: Tests, stages: list[Stage], where: Path) -> list[str]:
    """Run once more what failed, if all of it may be chance; write down what then passed."""
    bad = [stage for stage in stages if stage.status]
    if not bad or not all(stage.may_be_chance for stage in bad):
        return []
    failed = {test: stage.record.output[test] for stage in bad for test in stage.record.failed}
    _say(f"\nRunning once more what failed: {len(failed)}")
    again = tests.again(list(failed))
    stages.append(again)
    chance = [test for test in failed if again.record.outcomes.get(test) == "passed"]
    for test in chance:
        day = datetime.now(UTC).date()
        flaky.add(test, failed[test], day=day, commit=flaky.commit(), path=where)
        _say(f"\n{test} failed, and passed when run again. It had said:\n{failed[test]}")
    return chance


def status(stages: Sequence[Stage], chance: Sequence[str]) -> int:
    """Return the exit status: 0 if each stage passed, but for what passed in its second try."""
    tried = [stage for stage in stages if stage.name != "again"]
    if not all(stage.is_good(chance) for stage in tried):
        return 1
    if not report.whole(stages).outcomes:
        _say("No test was run.")
        return _NO_TESTS
    return 0


if __name__ == "__main__":
    sys.exit(main())
