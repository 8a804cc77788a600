"""The servers that a benchmark runs against, and the hall, the fans and the seats it sells."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from tests.benchmarks.machine import CPU, cpu_of
from worldseat.local import ports, postgres, static, valkey
from worldseat.local.endpoint import launch
from worldseat.local.processes import Child, Program, Supervisor
from worldseat.local.programs import Programs

__all__ = ["REGIONS", "Answered", "Server", "Stage", "made_id", "staged"]

CHECKOUT = Path(__file__).resolve().parents[2]
REGIONS = ("us-east-1", "us-east-2")
# Two runs at once begin at different ports. Where both chose the same one, the health check of the
# run whose server could not start would be answered by the other's, and get its load.
_FIRST_PORT, _PORTS = 20_000, 10_000


@dataclass(frozen=True)
class Answered:
    """What a load came to. Latencies are sorted, in milliseconds.

    `ran_out`: all requests were sent before the time was over.
    """

    statuses: dict[int, int]
    latencies: list[float]
    seconds: float
    client_cpu: float
    conflicts: int = 0
    met_conflicts: int = 0
    ran_out: bool = False

    @property
    def rate(self) -> float:
        """Return answers a second."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    def percentile(self, share: float) -> float:
        """Return the latency that this share of the answers was quicker than."""
        if not self.latencies:
            return 0.0
        return self.latencies[min(int(len(self.latencies) * share), len(self.latencies) - 1)]


class Stage:
    """PostgreSQL and Valkey, and whatever a case starts on top of them."""

    def __init__(self, home: Path, supervisor: Supervisor) -> None:
        self.home = home
        self.supervisor = supervisor
        self.database_url, port = postgres.start(supervisor, home)
        self.redis_url, redis_port = valkey.start(supervisor, home)
        ports.remember(home, {"postgres": port, "valkey": redis_port})
        self._postgres_port = port
        self.environment = {
            **os.environ,
            # Watchers are to be answered here, not sent away for the buyers' sake.
            "BROWSING_AT_ONCE": "0",
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "SECRET_KEY": "benchmarks-" * 5,
            "HTTPS_ONLY": "false",
            "LOG_LEVEL": "WARNING",
            # Looked at as always, and never reached: all come from one address.
            "THROTTLES": ",".join(
                f"{name}=100000000/60"
                for name in ("browse", "browse-address", "sell", "sell-address")
            ),
            "PYTHONUNBUFFERED": "1",
        }
        os.environ |= self.environment
        self.seats_made = 0
        self._until = math.inf
        self._endpoints: dict[str, launch.Endpoint] | None = None

    @property
    def endpoints(self) -> dict[str, launch.Endpoint]:
        """Return the endpoint of each region, started when they are first asked for."""
        if self._endpoints is None:
            self._endpoints = launch.start(
                self.supervisor, self.home, self.database_url, regions=REGIONS
            )
            os.environ |= self._endpoints[REGIONS[0]].environment
        return self._endpoints

    def no_round_after(self, instant: float) -> None:
        """Let the case that follows begin no further round after an instant (time.monotonic)."""
        self._until = instant

    def rounds(self, most: int) -> Iterator[int]:
        """Yield the number of each round: one at least, and then while there is time."""
        for number in range(most):
            if number and time.monotonic() > self._until:
                return
            yield number

    def programs(self) -> Programs:
        """Return the product's programs, as they are deployed."""
        return Programs(self.home, self.environment, lambda region: self.database_url)

    @contextlib.contextmanager
    def serving(
        self, program_on: Callable[[int], Program], *, health: str = "/healthz"
    ) -> Iterator[Server]:
        """Run a web server until the block is left; it is up when its `health` answers."""
        supervisor = Supervisor()
        try:
            child, port = ports.start_on_free_port(
                supervisor,
                program_on,
                preferred=_FIRST_PORT + os.getpid() % _PORTS,
                ready_on=lambda port: partial(_answers, port, health),
                deadline=180,
            )
            yield Server(self, child, port)
        finally:
            supervisor.stop()

    def module(self, name: str, *words: str, log: str = "", **environment: str) -> Program:
        """Return a Python module to run, from the checkout."""
        log = log or name.rpartition(".")[2]
        return Program(
            name=log,
            command=[sys.executable, "-m", name, *words],
            env={**self.environment, **environment},
            cwd=CHECKOUT,
            log=self.home / "logs" / f"bench-{log}.log",
            grace=3.0,
        )

    def database_cpu(self) -> CPU:
        """Return what PostgreSQL has taken so far."""
        pid = self.home / "postgres" / "data" / "postmaster.pid"
        return cpu_of(int(pid.read_text().split("\n", 1)[0]))

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program to its end; raises CalledProcessError."""
        done = subprocess.run(words, capture_output=True, text=True, env=self.environment)
        if done.returncode:
            raise RuntimeError(f"{words[0]} failed: {done.stderr[-2000:]}")
        return done

    def load(
        self, port: int, requests: Sequence[str], *, clients: int, seconds: float, endless: bool
    ) -> Answered:
        """Send requests to a port; see load/client.py."""
        asked = {
            "host": "127.0.0.1",
            "port": port,
            "clients": clients,
            "seconds": seconds,
            "requests": list(requests),
            "endless": endless,
        }
        path, answer = self.home / "load.json", self.home / "told.json"
        path.write_text(json.dumps(asked))
        self.run(sys.executable, "-m", "tests.benchmarks.load.client", str(path), str(answer))
        told = json.loads(answer.read_text())
        return Answered(
            statuses={int(status): number for status, number in told["statuses"].items()},
            latencies=sorted(told["latencies"]),
            seconds=told["seconds"],
            client_cpu=told["cpu_seconds"],
            conflicts=told["conflicts"],
            met_conflicts=told["met_conflicts"],
            ran_out=told["ran_out"],
        )

    def empty(self) -> None:
        """Remove all that other cases, or an earlier run, have stored."""
        self.execute("TRUNCATE accounts_organisation, accounts_user CASCADE")

    def execute(self, sql: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """Run a statement of our own in autocommit; return its rows, if it has any."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []


@dataclass(frozen=True)
class Server:
    """A web server that runs."""

    stage: Stage
    child: Child
    port: int

    def cpu(self) -> CPU:
        """Return what it has taken so far, its workers included."""
        return cpu_of(self.child.pid)


@contextlib.contextmanager
def staged(home: Path) -> Iterator[Stage]:
    """Start the stage with the product's tables in it."""
    with Supervisor() as supervisor:
        stage = Stage(home, supervisor)
        import django
        from django.core.management import call_command

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "worldseat.settings")
        django.setup()
        call_command("migrate", verbosity=0)
        stage.empty()
        if not static.are_current():
            call_command("collectstatic", verbosity=0, interactive=False)
            static.note_collected()
        yield stage


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status in (200, 201, 404)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def made_id(name: str) -> UUID:
    """Return the id of what `halls` has made, such as "seat7" or "fan7"."""
    return UUID(hashlib.md5(name.encode(), usedforsecurity=False).hexdigest())
