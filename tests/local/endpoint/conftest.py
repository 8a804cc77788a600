"""Two regions' endpoints before a database of their own, and ways to connect to them."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.helpers.databases import own_database
from tests.helpers.endpoints import LIMITS, Connect, parameters
from worldseat.local import state
from worldseat.local.endpoint import launch
from worldseat.local.endpoint.launch import Endpoint
from worldseat.local.processes import Supervisor


@pytest.fixture(scope="session")
def backend_url() -> Iterator[str]:
    """A database that only these tests use, on the run's PostgreSQL."""
    with own_database("endpoint") as url:
        yield url


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state directory for the endpoints."""
    directory = tmp_path_factory.mktemp("endpoints")
    with state.claimed(directory):
        yield directory


@pytest.fixture(scope="session")
def started(home: Path, backend_url: str) -> Iterator[dict[str, Endpoint]]:
    """Both regions, with limits of time that a test can wait for."""
    with Supervisor() as supervisor:
        endpoints = launch.start(supervisor, home, backend_url, limits=LIMITS)
        os.environ.update(endpoints["us-east-1"].environment)
        yield endpoints


@pytest.fixture
def regions(started: dict[str, Endpoint]) -> Iterator[dict[str, Endpoint]]:
    """Both regions, without faults."""
    yield started
    for endpoint in started.values():
        endpoint.control.clear()
        endpoint.control.unlimit()


@pytest.fixture
def east(regions: dict[str, Endpoint]) -> Endpoint:
    """The endpoint of us-east-1."""
    return regions["us-east-1"]


@pytest.fixture
def west(regions: dict[str, Endpoint]) -> Endpoint:
    """The endpoint of us-east-2."""
    return regions["us-east-2"]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Open connections that the test's end closes: `connect(east, autocommit=True)`."""
    opened: list[psycopg.Connection[tuple[Any, ...]]] = []

    def open_one(endpoint: Endpoint, **changes: Any) -> psycopg.Connection[tuple[Any, ...]]:
        connection = psycopg.connect(**parameters(endpoint, **changes))
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        opened.append(connection)
        return connection

    yield open_one
    for connection in opened:
        connection.close()


@pytest.fixture
def table(backend_url: str, started: dict[str, Endpoint]) -> str:
    """A table of seats, four of them, made behind the endpoints' backs."""
    name = f"seat_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(backend_url, autocommit=True) as connection:
        connection.execute(
            f"CREATE TABLE {name} (id int PRIMARY KEY, state text NOT NULL DEFAULT 'available', "
            f"code text UNIQUE, buyer text)"
        )
        connection.execute(
            f"INSERT INTO {name} (id, code) SELECT n, 'c' || n FROM generate_series(1, 4) n"
        )
    return name
