"""The servers that this project needs, as far as the environment names none."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from worldseat.local import ports, postgres, state, valkey
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
    """Where the servers are. `ports` names those of the servers that we started."""

    database_url: str
    redis_url: str
    ports: Mapping[str, int] = field(default_factory=dict)


def start(supervisor: Supervisor, home: Path, environment: Mapping[str, str]) -> Addresses:
    """Start PostgreSQL and Valkey, or leave out what DATABASE_URL and REDIS_URL already name.

    `home` must be claimed (worldseat.local.state).
    """
    numbers: dict[str, int] = {}
    database_url = environment.get("DATABASE_URL")
    redis_url = environment.get("REDIS_URL")
    if not database_url:
        database_url, numbers["postgres"] = postgres.start(supervisor, home)
    if not redis_url:
        redis_url, numbers["valkey"] = valkey.start(supervisor, home)
    ports.remember(home, numbers)
    return Addresses(database_url, redis_url, numbers)


@contextlib.contextmanager
def running(home: Path, environment: Mapping[str, str]) -> Iterator[tuple[Supervisor, Addresses]]:
    """Run this checkout's instance until the block is left, found by others through local.json.

    Raises what FAILURES lists.
    """
    with state.claimed(home), Supervisor() as supervisor:
        addresses = start(supervisor, home, environment)
        publish(home, addresses)
        yield supervisor, addresses


def publish(home: Path, addresses: Addresses, **more: object) -> None:
    """Write local.json, from which settings.py takes what the environment does not say."""
    state.write(
        home,
        {
            "database_url": addresses.database_url,
            "redis_url": addresses.redis_url,
            "secret_key": secret_key(home),
            "pid": os.getpid(),
            "ports": dict(addresses.ports),
            **more,
        },
    )


def secret_key(home: Path) -> str:
    """Return the SECRET_KEY of every process of this checkout, so that logins outlive a restart."""
    return state.kept_secret(home / "secret_key")
