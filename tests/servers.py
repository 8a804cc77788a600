"""Pytest plugin: an embedded PostgreSQL and Valkey for the run.

What DATABASE_URL and REDIS_URL already name is used as it is. Loaded with
`-p tests.servers`, hence before pytest-django reads the settings.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from worldseat.local import servers, state
from worldseat.local.processes import Supervisor

_SLOTS = 16
# Valkey has sixteen; tests take the next ones for brokers (tests/stampede/crew.py).
_DATABASES_A_WORKER = 4
_stack = contextlib.ExitStack()


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Start the servers and name them to the settings; pytest-xdist's workers share them."""
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        _take_own_redis_database(int(worker.removeprefix("gw")))
        return
    if os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"):
        return
    try:
        home = _stack.enter_context(_free_slot(state.directory() / "test"))
        supervisor = _stack.enter_context(Supervisor())
        addresses = servers.start(supervisor, home, os.environ)
    except servers.FAILURES as error:
        _stack.close()
        raise pytest.UsageError(str(error)) from error
    os.environ["DATABASE_URL"] = addresses.database_url
    os.environ["REDIS_URL"] = addresses.redis_url


def _take_own_redis_database(worker: int) -> None:
    """Keep two workers' caches and queues apart, as pytest-django keeps their databases."""
    url = urlsplit(os.environ["REDIS_URL"])
    os.environ["REDIS_URL"] = url._replace(path=f"/{worker * _DATABASES_A_WORKER}").geturl()


def pytest_unconfigure() -> None:
    """Stop the servers."""
    _stack.close()


@contextlib.contextmanager
def _free_slot(directory: Path) -> Iterator[Path]:
    """Claim a data directory that no other test run is using; it is kept for the next run."""
    for number in range(_SLOTS):
        home = directory / str(number)
        with contextlib.ExitStack() as claim:
            try:
                claim.enter_context(state.claimed(home))
            except state.AlreadyRunning:
                continue
            yield home
            return
    raise pytest.UsageError(f"{_SLOTS} test runs are using {directory} already")
