"""The servers that this project needs, as far as the environment names none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from worldseat.local import ports, postgres, valkey
from worldseat.local.processes import Supervisor


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
