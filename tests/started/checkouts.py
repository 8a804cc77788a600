"""A copy of the checkout in which a target of the Makefile can be made, whatever it writes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.started.listing import CHECKOUT

__all__ = ["Checkout"]

# What no checkout has at first, and what is too large to be copied.
_LEFT = (".venv", ".git", ".worldseat", "staticfiles", "__pycache__", ".*_cache", ".hypothesis")
_SERVERS = {"DATABASE_URL", "REDIS_URL"}


class Checkout:
    """A copy at `path`, which shares this run's environment; `whole` or of what setup needs."""

    def __init__(self, path: Path, *, whole: bool) -> None:
        self.path = path
        if whole:
            shutil.copytree(CHECKOUT, path, symlinks=True, ignore=shutil.ignore_patterns(*_LEFT))
        else:
            path.mkdir()
            shutil.copytree(CHECKOUT / ".ci", path / ".ci")
            for name in ("Makefile", "uv.lock"):
                shutil.copy(CHECKOUT / name, path)
        (path / ".venv").symlink_to(sys.prefix)

    def make(self, target: str, *words: str, **environment: str) -> str:
        """Make a target, and return what it says; fail if it fails."""
        done = self.run(target, *words, **environment)
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        return done.stdout

    def run(self, target: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Make a target with servers of its own, as from a shell: not as a part of another make."""
        return subprocess.run(
            ["make", target, *words],
            cwd=self.path,
            env={**_shell(), **environment},
            capture_output=True,
            text=True,
        )


def _shell() -> dict[str, str]:
    """Return our environment without what pytest, make and the Makefile's own variables set."""
    own = set(re.findall(r"\$[$({]([A-Z]+)", (CHECKOUT / "Makefile").read_text()))
    made = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES", "GNUMAKEFLAGS"}
    return {
        name: value
        for name, value in os.environ.items()
        if name not in own | made | _SERVERS and not name.startswith(("PYTEST", "WORLDSEAT_"))
    }


def needs_environment() -> None:
    """Skip the test unless `make setup` has made this environment: it would install another."""
    lock, stamp = CHECKOUT / "uv.lock", Path(sys.prefix) / "synced.lock"
    if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
        pytest.skip("make setup has not made this environment")
