"""The servers that Django's suite runs against: a PostgreSQL and one region's endpoint."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from worldseat.local import ports, postgres, state
from worldseat.local.endpoint import launch
from worldseat.local.processes import Supervisor

__all__ = ["started"]

REGION = "us-east-1"


@contextlib.contextmanager
def started(home: Path) -> Iterator[Mapping[str, str]]:
    """Run both until the block is left; yield the environment that names them to the settings.

    Raises what worldseat.local.servers.FAILURES lists.
    """
    with state.claimed(home), Supervisor() as supervisor:
        url, port = postgres.start(supervisor, home)
        endpoint = launch.start(supervisor, home, url, regions=[REGION])[REGION]
        ports.remember(home, {"postgres": port, REGION: endpoint.port})
        yield {**endpoint.environment, "SUITE_DATABASE_URL": endpoint.database_url}
