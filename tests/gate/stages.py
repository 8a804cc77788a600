"""The stages of the gate, each a process or several that run to their end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.gate.plugin import APART, PLAIN
from tests.gate.record import Record, Stage

__all__ = ["CHECKOUT", "Tests", "lint"]

CHECKOUT = Path(__file__).parents[2]
# After these seconds of one test every thread's stack is shown and its process ends: what a
# test's own timeout could not end hangs where no signal is heard.
_HANGS = 900
_NO_TESTS = 5

_LINT = {
    "ruff": ["-m", "ruff", "check", "."],
    "format": ["-m", "ruff", "format", "--check", "."],
    "mypy": ["-m", "mypy"],
    "imports": ["-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
}


def lint() -> Stage:
    """Run ruff, mypy and import-linter beside each other, and show what each says."""
    began = time.monotonic()
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(_lint_one, _LINT.values()))
    for name, result in zip(_LINT, done, strict=True):
        said = "" if result.returncode == 0 else f"\n{result.stdout}{result.stderr}"
        print(f"\n{name}: {'failed' if said else 'ok'}{said}", flush=True)
    status = max(abs(result.returncode) for result in done)
    return Stage("lint", time.monotonic() - began, status)


def _lint_one(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)


@dataclass(frozen=True, kw_only=True)
class Tests:
    """How the tests are run: which, in which directory, with which other words for pytest.

    `scratch` is a directory for what the stages tell each other.
    """

    scratch: Path
    paths: Sequence[str] = ()
    words: Sequence[str] = ()
    directory: Path = CHECKOUT
    workers: int = 2

    def plain(self) -> Stage:
        """Run the tests that start nothing, in parallel."""
        words = ["-n", str(self.workers), "--dist", "worksteal", "--max-worker-restart", "0"]
        words += [f"--list-apart={self._list}"]
        return self._run(PLAIN, [*words, f"--stage={PLAIN}", *self.words, *self.paths])

    def apart(self) -> Stage:
        """Run the other tests one after the other; `plain` has found out where they are."""
        files = self._files_apart()
        if not files:
            return Stage(APART, 0.0, 0)
        named = any("::" in path for path in self.paths)
        paths = self.paths if named else files
        return self._run(APART, ["-n", "0", f"--stage={APART}", *self.words, *paths])

    def again(self, tests: Sequence[str]) -> Stage:
        """Run tests once more, alone, in a process of their own."""
        return self._run("again", ["-n", "0", *tests])

    @property
    def _list(self) -> Path:
        return self.scratch / "apart-files.json"

    def _files_apart(self) -> Sequence[str]:
        """Return the files that the first stage has listed: all, if it ended before it could."""
        return json.loads(self._list.read_text()) if self._list.exists() else ["."]

    def _run(self, name: str, words: Sequence[str]) -> Stage:
        record = self.scratch / f"{name}.json"
        command = [sys.executable, "-m", "pytest", f"--record={record}"]
        command += [
            "-o",
            f"faulthandler_timeout={_HANGS}",
            "-o",
            "faulthandler_exit_on_timeout=true",
        ]
        began = time.monotonic()
        done = subprocess.run([*command, *words], cwd=self.directory, env=environment())
        status = 0 if done.returncode == _NO_TESTS else done.returncode
        return Stage(name, time.monotonic() - began, status, Record.read(record))


def environment() -> dict[str, str]:
    """Return the environment of the tests: Python may keep what it compiles.

    Else every process of every test would compile the whole tree.
    """
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
