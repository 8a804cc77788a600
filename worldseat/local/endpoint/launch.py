"""Start the regions' endpoints as children, a process for each, so that a region can be killed."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from worldseat.local import ports
from worldseat.local.endpoint import identity
from worldseat.local.endpoint.control import Control
from worldseat.local.endpoint.limits import Limits
from worldseat.local.processes import Child, Program, Supervisor

DEFAULT_PORT = 15433
BACKEND_VARIABLE = "WORLDSEAT_ENDPOINT_BACKEND"

_CHECKOUT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Endpoint:
    """A running endpoint and what its clients need; `child` can be killed as a region dies."""

    region: str
    host: str
    port: int
    root: Path
    database_url: str
    environment: Mapping[str, str]
    arn: str
    control: Control
    child: Child

    def describe(self) -> dict[str, Any]:
        """Return it for a state file: all plain values, the secrets included."""
        return {
            "host": self.host,
            "hostaddr": "127.0.0.1",
            "port": self.port,
            "sslrootcert": str(self.root),
            "database_url": self.database_url,
            "control_url": self.control.url,
            "control_secret": self.control.secret,
        }


def start(
    supervisor: Supervisor,
    home: Path,
    backend_url: str,
    *,
    regions: Sequence[str] = ("us-east-1", "us-east-2"),
    limits: Limits | None = None,
) -> dict[str, Endpoint]:
    """Start the endpoint of each region; return them by region.

    `home` must be claimed (worldseat.local.state). The caller remembers the ports under the
    regions' names (worldseat.local.ports). Raises ProgramFailed.
    """
    kept = identity.load(home, regions)
    return {
        region: _start_one(supervisor, home, backend_url, kept, region, number, limits or Limits())
        for number, region in enumerate(regions)
    }


def _start_one(
    supervisor: Supervisor,
    home: Path,
    backend_url: str,
    kept: identity.Identity,
    region: str,
    number: int,
    limits: Limits,
) -> Endpoint:
    announcement = kept.directory / f"{region}.json"
    announcement.unlink(missing_ok=True)

    def program(port: int) -> Program:
        command = [sys.executable, "-m", "worldseat.local.endpoint", "--region", region]
        command += ["--home", str(home), "--port", str(port), "--announce", str(announcement)]
        for limit in fields(limits):
            command += [f"--limit-{limit.name.replace('_', '-')}", str(getattr(limits, limit.name))]
        return Program(
            name=f"endpoint-{region}",
            command=command,
            log=home / "logs" / f"endpoint-{region}.log",
            # The URL holds a password, and a command line can be read by every user.
            env={**os.environ, BACKEND_VARIABLE: backend_url},
            cwd=_CHECKOUT,
        )

    child, _ = ports.start_on_free_port(
        supervisor,
        program,
        preferred=ports.remembered(home, region, DEFAULT_PORT + number),
        ready_on=lambda port: announcement.exists,
    )
    told = json.loads(announcement.read_text())
    return Endpoint(
        region=region,
        host=told["host"],
        port=told["port"],
        root=kept.root,
        database_url=told["database_url"],
        environment=kept.environment(),
        arn=kept.arn,
        control=Control(told["control_url"], kept.control_secret),
        child=child,
    )
