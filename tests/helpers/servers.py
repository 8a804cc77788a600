"""Pytest plugin: an embedded PostgreSQL and Valkey for the run.

What DATABASE_URL and REDIS_URL already name is used as it is. Loaded with
`-p tests.helpers.servers`, hence before pytest-django reads the settings.

With WORLDSEAT_TEST_THROUGH=endpoints, the database of the tests is that of us-east-1's regional
endpoint, before the same PostgreSQL: TLS, tokens, DSQL's rules and conflicts.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from worldseat.local import servers, state
from worldseat.local.endpoint import launch
from worldseat.local.processes import Supervisor

THROUGH = "WORLDSEAT_TEST_THROUGH"
# The URL of the PostgreSQL, whatever stands before it: for tests that make databases of their own.
POSTGRES = "WORLDSEAT_TEST_POSTGRES"
# The URL of each region's endpoint, as JSON, where there are endpoints.
REGIONS = "WORLDSEAT_TEST_REGIONS"

_SLOTS = 16
# Valkey has sixteen; tests take the next ones for brokers (tests/helpers/crew.py).
_DATABASES_A_WORKER = 4
_stack = contextlib.ExitStack()

# What fails in there shows its values, as in a test.
pytest.register_assert_rewrite("tests.helpers.clusters")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Start the servers and name them to the settings; pytest-xdist's workers share them."""
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        _take_own_redis_database(int(worker.removeprefix("gw")))
        return
    through = os.environ.get(THROUGH, "")
    if through not in ("", "endpoints"):
        raise pytest.UsageError(f"{THROUGH}={through!r}: there is endpoints, or nothing")
    if os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL") and not through:
        os.environ[POSTGRES] = os.environ["DATABASE_URL"]
        return
    try:
        home = _stack.enter_context(_free_slot(state.directory() / "test"))
        supervisor = _stack.enter_context(Supervisor())
        addresses = servers.start(supervisor, home, os.environ)
        os.environ["DATABASE_URL"] = os.environ[POSTGRES] = addresses.database_url
        os.environ["REDIS_URL"] = addresses.redis_url
        if through:
            _go_through_endpoints(supervisor, home)
    except servers.FAILURES as error:
        _stack.close()
        raise pytest.UsageError(str(error)) from error


def _go_through_endpoints(supervisor: Supervisor, home: Path) -> None:
    """Put both regions before the PostgreSQL, with their credentials."""
    regions = launch.start(supervisor, home, os.environ[POSTGRES])
    first = next(iter(regions.values()))
    os.environ.update(first.environment)
    os.environ["WORLDSEAT_FOIL_DATABASE_URL"] = os.environ[POSTGRES]
    os.environ["DATABASE_URL"] = first.database_url
    urls = {region: endpoint.database_url for region, endpoint in regions.items()}
    os.environ[REGIONS] = json.dumps(urls)


def database_url_in(region: str, name: str) -> str:
    """Return the URL of the tests' database `name` for a process of a region."""
    url = os.environ["DATABASE_URL"]
    if not os.environ.get(REGIONS):
        return urlsplit(url)._replace(path=f"/{name}").geturl()
    # A cluster has one database: there, the tests' one is a schema of it.
    search_path = urlencode({"options": f"-csearch_path={name}"})
    return f"{json.loads(os.environ[REGIONS]).get(region, url)}&{search_path}"


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
