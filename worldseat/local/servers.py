"""The servers that this project needs, as far as the environment names none."""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from worldseat.local import ports, postgres, state, valkey
from worldseat.local.endpoint import launch
from worldseat.local.processes import ProgramFailed, Supervisor

# What can go wrong here and is the user's to put right: each says how.
FAILURES = (
    ProgramFailed,
    postgres.BinariesMissing,
    postgres.DataDirectoryUnusable,
    postgres.NoAccount,
    state.AlreadyRunning,
    state.StateDirectoryUnusable,
)


@dataclass(frozen=True)
class Addresses:
    """Where the servers are. `ports` names those of the servers that we started.

    `regions` describes the endpoint of each region, where we started them: `database_url` is that
    of the first, `postgres_url` the PostgreSQL behind them all.
    """

    database_url: str
    redis_url: str
    ports: Mapping[str, int] = field(default_factory=dict)
    postgres_url: str = ""
    regions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def database_url_in(self, region: str) -> str:
        """Return the database that a process of a region connects to."""
        described = self.regions.get(region)
        return str(described["database_url"]) if described else self.database_url


def start(
    supervisor: Supervisor,
    home: Path,
    environment: Mapping[str, str],
    *,
    regions: Sequence[str] = (),
) -> Addresses:
    """Start PostgreSQL and Valkey, or leave out what DATABASE_URL and REDIS_URL already name.

    With `regions`, an endpoint for each stands before the PostgreSQL, as DSQL's do. `home` must be
    claimed (worldseat.local.state).
    """
    numbers: dict[str, int] = {}
    endpoints: dict[str, launch.Endpoint] = {}
    database_url = environment.get("DATABASE_URL")
    redis_url = environment.get("REDIS_URL")
    postgres_url = ""
    if not redis_url:
        redis_url, numbers["valkey"] = valkey.start(supervisor, home)
    if not database_url:
        postgres_url, numbers["postgres"] = postgres.start(supervisor, home)
        endpoints = launch.start(supervisor, home, postgres_url, regions=regions)
        numbers |= {region: endpoint.port for region, endpoint in endpoints.items()}
        database_url = endpoints[regions[0]].database_url if regions else postgres_url
    ports.remember(home, numbers)
    described = {region: endpoint.describe() for region, endpoint in endpoints.items()}
    return Addresses(database_url, redis_url, numbers, postgres_url, described)


@contextlib.contextmanager
def running(
    home: Path, environment: Mapping[str, str], *, regions: Sequence[str]
) -> Iterator[tuple[Supervisor, Addresses]]:
    """Run this checkout's instance until the block is left, found by others through local.json.

    Raises what FAILURES lists.
    """
    with state.claimed(home), Supervisor() as supervisor:
        addresses = start(supervisor, home, environment, regions=regions)
        publish(home, addresses)
        yield supervisor, addresses


def publish(home: Path, addresses: Addresses, **more: object) -> None:
    """Write local.json, from which settings.py takes what the environment does not say."""
    state.write(
        home,
        {
            "database_url": addresses.database_url,
            "redis_url": addresses.redis_url,
            "postgres_url": addresses.postgres_url,
            "regions": dict(addresses.regions),
            "secret_key": secret_key(home),
            "pid": os.getpid(),
            "ports": dict(addresses.ports),
            **more,
        },
    )


def secret_key(home: Path) -> str:
    """Return the SECRET_KEY of every process of this checkout, so that logins outlive a restart."""
    return state.kept_secret(home / "secret_key")
