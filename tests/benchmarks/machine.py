"""What the benchmarks ran on, and what it was doing meanwhile."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import psutil
import psycopg

__all__ = ["CPU", "busy", "cpu_of", "describe", "load"]

_PACKAGES = ("django", "djangorestframework", "psycopg", "gunicorn", "granian", "uvicorn")


def describe(database_url: str) -> dict[str, Any]:
    """Return the machine, the versions and the load it is under."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SHOW server_version").fetchone()
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "processor": _processor(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "python": platform.python_version(),
        "postgresql": row[0] if row else "",
        "versions": {name: version(name) for name in _PACKAGES},
    }


def busy(seconds: float = 5.0) -> float:
    """Return how many cores' time all other processes take now.

    A load average still tells of what has ended: of setting up what is to be measured, above all.
    """
    before = _taken()
    time.sleep(seconds)
    after = _taken()
    taken = sum(after[pid] - before.get(pid, 0.0) for pid in after)
    return round(taken / seconds, 2)


def _taken() -> dict[int, float]:
    others = (each for each in psutil.process_iter(["cpu_times"]) if each.pid != os.getpid())
    times = {each.pid: each.info["cpu_times"] for each in others}
    return {pid: each.user + each.system for pid, each in times.items() if each}


def load() -> float:
    """Return the load average of the last minute."""
    return round(os.getloadavg()[0], 2)


def _processor() -> str:
    with open("/proc/cpuinfo") as info:  # noqa: PTH123 - not a file of ours
        names = [line.partition(":")[2].strip() for line in info if line.startswith("model name")]
    return names[0] if names else platform.processor()


@dataclass(frozen=True)
class CPU:
    """Seconds of processor time that a program and all it has started took."""

    seconds: float

    def since(self, before: CPU) -> float:
        """Return the seconds since then."""
        return self.seconds - before.seconds


def cpu_of(pid: int) -> CPU:
    """Add up what a process, its children and those it has seen end have taken so far."""
    total = 0.0
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return CPU(0.0)
    for each in family:
        try:
            times = each.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return CPU(total)
