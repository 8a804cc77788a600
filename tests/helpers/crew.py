"""Real Celery workers for the tests: one process a region, on the test's own servers."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

from tests.helpers.servers import database_url_in
from worldseat.celery import app
from worldseat.local.processes import Child, Program, Supervisor

_CHECKOUT = Path(__file__).resolve().parents[2]
_START_SECONDS = 120.0
# Databases of Valkey, counted from the test run's own: one with workers, and one without.
_BROKER = 1
_DEAD_LETTERS = 2


class Crew:
    """The workers of all regions. Who was killed is replaced by the next `muster`."""

    def __init__(self, supervisor: Supervisor, logs: Path) -> None:
        self._supervisor = supervisor
        self._logs = logs
        self._children: dict[str, Child] = {}

    def muster(self) -> None:
        """Have a worker running in each region."""
        started = [region for region in settings.REGIONS if not self._is_alive(region)]
        for region in started:
            self._children[region] = self._supervisor.start(self._worker(region))
        for region in started:
            child = self._children[region]
            self._supervisor.wait_until(
                child, partial(_is_ready, child.program.log), deadline=_START_SECONDS
            )

    def kill(self, region: str) -> None:
        """Kill a region's worker as `kill -9` does; return when it is gone."""
        self._children[region].process.kill()
        self._children[region].process.wait()

    def _is_alive(self, region: str) -> bool:
        return region in self._children and not self._children[region].has_ended()

    def _worker(self, region: str) -> Program:
        words = ["-m", "celery", "-A", "worldseat", "worker", "--pool", "threads"]
        words += ["--concurrency", "4", "-Q", f"worldseat,{region}", "-n", f"{region}@%h"]
        words += ["--without-gossip", "--without-mingle", "--loglevel", "info"]
        return Program(
            name=f"worker-{region}",
            command=[sys.executable, *words],
            env={**os.environ, **servers(region), "WORLDSEAT_REGION": region},
            cwd=_CHECKOUT,
            log=self._logs / f"{region}.log",
            grace=2.0,
        )


def servers(region: str = "us-east-1") -> dict[str, str]:
    """Return the environment that leads another process to the test's servers."""
    return {
        "DATABASE_URL": database_url_in(region, connection.settings_dict["NAME"]),
        "REDIS_URL": broker_url(),
        "SECRET_KEY": settings.SECRET_KEY,
    }


def broker_url(*, served: bool = True) -> str:
    """Return the URL of the tests' broker, or of one that no worker takes tasks from."""
    url = urlsplit(os.environ["REDIS_URL"])
    number = int(url.path.strip("/") or 0) + (_BROKER if served else _DEAD_LETTERS)
    return url._replace(path=f"/{number}").geturl()


def point_celery_at(url: str) -> str:
    """Have this process send its tasks to another broker; return the one before."""
    before: str = app.conf.broker_url
    app.conf.update(broker_url=url)
    # Forgets the connections, also the producers', which close() does not; the stubs lack it.
    app._after_fork()  # type: ignore[attr-defined]
    return before


def is_database_quiet() -> bool:
    """Tell whether no other session is in a transaction: it would be in the flush's way."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND state <> 'idle'"
        )
        return bool(cursor.fetchone() == (0,))


def _is_ready(log: Path | None) -> bool:
    return log is not None and "ready." in log.read_text(errors="replace")
