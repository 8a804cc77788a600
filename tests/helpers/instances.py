"""Instances of the product on this machine: a state directory, and the commands started on it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.helpers.commands import CHECKOUT, read_until

__all__ = ["Demo", "FirstRun", "Instance", "ServedDemo", "Start", "copied"]

Start = Callable[..., "subprocess.Popen[str]"]


@dataclass
class Instance:
    """A state directory and the manage.py commands that were started on it."""

    home: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def manage(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        """Start a manage.py command."""
        inherited = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
        process = subprocess.Popen(
            [sys.executable, str(CHECKOUT / "manage.py"), *words],
            env={**inherited, "WORLDSEAT_STATE_DIR": str(self.home), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started.append(process)
        return process

    def left_behind(self) -> list[str]:
        """List the processes started for the state directory which still run."""
        return [process.info["name"] for process in _processes_of(self.home)]

    def end(self) -> None:
        """Kill whatever still runs."""
        for process in self.started:
            process.kill()
            process.wait()
        for left in _processes_of(self.home):
            with contextlib.suppress(psutil.NoSuchProcess):
                left.kill()


@dataclass(frozen=True)
class FirstRun:
    """What `manage.py demo --once` did where there was nothing."""

    home: Path
    status: int
    output: str
    left_behind: list[str]


@dataclass(frozen=True)
class Demo:
    """A demo that serves, and what it printed until then."""

    instance: Instance
    process: subprocess.Popen[str]
    output: str


class ServedDemo:
    """One served demo for all tests that leave it as it is; who does not takes it away."""

    def __init__(self, instance: Callable[[], Instance]) -> None:
        self._instance = instance
        self._demo: Demo | None = None

    def shared(self) -> Demo:
        """Return it, started if need be."""
        if self._demo is None:
            instance = self._instance()
            words = ("--buyers", "4")
            process = instance.manage("demo", *words, WEBHOOK_PRIVATE_NETWORKS="127.0.0.1/32")
            self._demo = Demo(instance, process, read_until(process, "Serving"))
        return self._demo

    def taken(self) -> Demo:
        """Return it for the last time: the next test gets another one."""
        demo, self._demo = self.shared(), None
        return demo


def copied(first_run: FirstRun, instance: Instance) -> Instance:
    """Return an instance with a copy of what a demo left: a database with tables and events."""
    instance.home.parent.mkdir(parents=True)
    # With the owners of the files, which PostgreSQL insists on.
    subprocess.run(["cp", "-a", str(first_run.home), str(instance.home)], check=True)
    return instance


def _processes_of(home: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        try:
            # PostgreSQL's backends overwrite their environment, but run in the data directory.
            named = process.environ().get("WORLDSEAT_STATE_DIR") == str(home)
            at_home = named or Path(process.cwd()).is_relative_to(home)
            if at_home and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
            continue
    return found
