"""The programs of the product: what to run, with which settings, and how each is ended."""

import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from worldseat.local.processes import Program

_CHECKOUT = Path(__file__).resolve().parents[2]


class Programs:
    """Programs that get `environment` as theirs, and log under `home`.

    `database_url_in` tells a worker which database its region has.
    """

    def __init__(
        self, home: Path, environment: Mapping[str, str], database_url_in: Callable[[str], str]
    ) -> None:
        self._home = home
        self._database_url_in = database_url_in
        self._environment = dict(environment)

    def manage(
        self, command: str, *words: str, attached: bool = False, output: Path | None = None
    ) -> Program:
        """Return a manage.py command; `attached` leaves it on our terminal."""
        return Program(
            name=command,
            command=[sys.executable, str(_CHECKOUT / "manage.py"), command, *words],
            env=self._environment,
            cwd=_CHECKOUT,
            log=None if attached else self._log(command),
            output=output,
            # As a person at the terminal would: a progress bar then puts the cursor back.
            stop_signal=signal.SIGINT if attached else signal.SIGTERM,
        )

    def worker(self, region: str) -> Program:
        """Return the Celery worker of a region, which serves its queue and the common one."""
        words = ["celery", "-A", "worldseat", "worker", "--pool", "threads", "--concurrency", "4"]
        words += ["-Q", f"worldseat,{region}", "-n", f"{region}@%h", "--loglevel", "info"]
        words += ["--without-gossip", "--without-mingle"]
        return Program(
            name=f"worker-{region}",
            command=self._module(words),
            env={
                **self._environment,
                "WORLDSEAT_REGION": region,
                "DATABASE_URL": self._database_url_in(region),
            },
            cwd=_CHECKOUT,
            log=self._log(f"worker-{region}"),
            # A warm shutdown waits for tasks; nobody waits for those of a demo that ends.
            grace=2.0,
            death_signal=signal.SIGKILL,
        )

    def beat(self) -> Program:
        """Return what sends the tasks that are due by the clock to the workers; one is enough."""
        words = ["celery", "-A", "worldseat", "beat", "--loglevel", "info", "--pidfile", ""]
        words += ["--schedule", str(self._home / "beat.db")]
        return Program(
            name="beat",
            command=self._module(words),
            env=self._environment,
            cwd=_CHECKOUT,
            log=self._log("beat"),
            death_signal=signal.SIGKILL,
        )

    def web(self, port: int, region: str = "") -> Program:
        """Return the web server on 127.0.0.1:`port`; with a region, one that serves it alone."""
        name = f"web-{region}" if region else "web"
        env = self._environment
        words = ["worldseat.web", "--port", str(port)]
        if region:
            url = self._database_url_in(region)
            env = {**env, "WORLDSEAT_REGION": region, "DATABASE_URL": url}
            words += ["--workers", "1", "--threads", "16"]
        else:
            words += ["--workers", "2", "--threads", "8"]
            # Two threads of each are kept from who only looks, so that a flood stops no sale.
            env = {"BROWSING_AT_ONCE": "6", **env}
        return Program(
            name=name,
            command=self._module(words),
            env=env,
            cwd=_CHECKOUT,
            log=self._log(name),
            # Its workers see that it has gone.
            death_signal=signal.SIGKILL,
        )

    def _module(self, words: Sequence[str]) -> list[str]:
        # Not the scripts in .venv/bin: their first line breaks when the checkout is moved.
        return [sys.executable, "-m", *words]

    def _log(self, name: str) -> Path:
        return self._home / "logs" / f"{name}.log"
