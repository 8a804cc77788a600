"""A site of pretix: its database in the stage's PostgreSQL, its settings, its web server."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit

import psycopg
import redis
from psycopg import sql

from tests.benchmarks.floors.pretix.installing import VERSION, installed
from tests.benchmarks.floors.pretix.organiser import FIXTURE
from tests.benchmarks.stage import Stage
from worldseat.local.processes import Program, ProgramFailed, Supervisor

__all__ = ["Site"]

DATABASE = "pretix"
# Migrated, with an organiser; copied for each run and kept, since its migrations take minutes.
_TEMPLATE = f"pretix_{VERSION.replace('.', '_')}"
# In the stage's Valkey, where the product has number 0.
_CACHE, _BROKER = 8, 9


@dataclass
class Site:
    """Installed and migrated, with an organiser and no event, once this object is made.

    Raises Unavailable, ProgramFailed.
    """

    stage: Stage

    def __post_init__(self) -> None:
        self._home = self.stage.home / "pretix"
        self._python = installed(self._home)
        (self._home / "data").mkdir(exist_ok=True)
        self._migrate()
        self._drop(DATABASE)
        self._administer("CREATE DATABASE {} TEMPLATE {}", DATABASE, _TEMPLATE)
        self._isolate(DATABASE)

    def web(self, workers: int, port: int) -> Program:
        """Return gunicorn with so many workers of its usual kind, one request at a time each."""
        words = ["--workers", str(workers), "--bind", f"127.0.0.1:{port}", "--log-level", "warning"]
        return self._module(f"pretix-{workers}", "gunicorn", "pretix.wsgi", *words, "--preload")

    def execute(self, statement: str) -> list[tuple[int, ...]]:
        """Run a statement on its database; return its rows, if it has any."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def forget(self) -> None:
        """Take every order back, and the tasks that nobody runs here."""
        self.execute("TRUNCATE pretixbase_order, pretixbase_logentry CASCADE")
        self.execute("CHECKPOINT")
        with redis.Redis.from_url(self._valkey(_BROKER)) as broker:
            broker.flushdb()

    def _migrate(self) -> None:
        if self.stage.execute("SELECT 1 FROM pg_database WHERE datname = %s", [_TEMPLATE]):
            return
        print("pretix: making its tables, once, for some minutes ...", file=sys.stderr)
        self._drop(DATABASE)
        self._administer("CREATE DATABASE {}", DATABASE)
        self._isolate(DATABASE)
        self._manage("migrate")
        self._manage("loaddata", "--format", "json", "-", stdin=FIXTURE)
        self._administer("ALTER DATABASE {} RENAME TO {}", DATABASE, _TEMPLATE)

    def _manage(self, *words: str, stdin: bytes | None = None) -> None:
        program = self._module(f"pretix-{words[0]}", "pretix", *words, stdin=stdin)
        if Supervisor().run(program, deadline=1200):
            raise ProgramFailed(program.name, "has failed", program.log)

    def _drop(self, name: str) -> None:
        self._administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def _isolate(self, name: str) -> None:
        """Give it PostgreSQL's own isolation, which it is written for; the stage's is DSQL's."""
        level = "ALTER DATABASE {} SET default_transaction_isolation = 'read committed'"
        self._administer(level, name)

    def _administer(self, statement: str, *names: str) -> None:
        text = sql.SQL(statement).format(*map(sql.Identifier, names))
        with psycopg.connect(self.stage.database_url, autocommit=True) as connection:
            connection.execute(text)

    def _module(self, log: str, name: str, *words: str, stdin: bytes | None = None) -> Program:
        return Program(
            name=log,
            command=[str(self._python), "-m", name, *words],
            env=self._environment,
            cwd=self._home,
            stdin=stdin,
            log=self.stage.home / "logs" / f"bench-{log}.log",
            grace=3.0,
        )

    @property
    def _url(self) -> str:
        return urlsplit(self.stage.database_url)._replace(path=f"/{DATABASE}").geturl()

    def _valkey(self, number: int) -> str:
        return urlsplit(self.stage.redis_url)._replace(path=f"/{number}").geturl()

    @cached_property
    def _environment(self) -> dict[str, str]:
        """Return all that it is told, and nothing of what the product is told."""
        database = urlsplit(self.stage.database_url)
        told = {
            "pretix_datadir": self._home / "data",
            "pretix_url": "http://127.0.0.1",
            "pretix_loglevel": "WARNING",
            "django_secret": "benchmarks-" * 5,
            "database_backend": "postgresql",
            "database_name": DATABASE,
            "database_user": database.username,
            "database_password": database.password,
            "database_host": database.hostname,
            "database_port": database.port,
            "redis_location": self._valkey(_CACHE),
            "redis_sessions": "true",
            # Without a broker it runs its tasks inside the request.
            "celery_broker": self._valkey(_BROKER),
            "celery_backend": self._valkey(_BROKER),
        }
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            **{f"PRETIX_{name.upper()}": str(value) for name, value in told.items()},
        }
