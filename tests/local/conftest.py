"""A state directory that nobody else uses, and a look at what is left running."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.helpers.commands import CHECKOUT


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A state directory with spaces in its path, too deep for a socket file."""
    home = tmp_path / "a checkout" / ("deep " * 20).strip() / ".worldseat"
    yield home
    for process in _processes_of(home):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


@pytest.fixture
def left_behind(home: Path) -> Callable[[], list[str]]:
    """Return a function that lists the processes started for `home` which still run."""
    return lambda: [process.info["name"] for process in _processes_of(home)]


@pytest.fixture
def manage(home: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Return a function that starts a manage.py command on that state directory."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: str, **environment: str) -> subprocess.Popen[str]:
        inherited = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
        process = subprocess.Popen(
            [sys.executable, str(CHECKOUT / "manage.py"), *words],
            env={**inherited, "WORLDSEAT_STATE_DIR": str(home), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def _processes_of(home: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        try:
            # PostgreSQL's backends overwrite their environment, but run in the data directory.
            named = process.environ().get("WORLDSEAT_STATE_DIR") == str(home)
            at_home = named or Path(process.cwd()).is_relative_to(home)
            if at_home and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
            continue
    return found
