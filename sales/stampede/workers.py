"""Which Celery workers run, and how to start one."""

from __future__ import annotations

from collections.abc import Iterable

from kombu.exceptions import OperationalError

from worldseat.celery import app

__all__ = ["BrokerUnreachable", "NoWorker", "require_workers", "start_command"]

# A worker that is busy starting a stampede may answer late: ask again before giving up.
_ASK_SECONDS = 0.5
_ASK_TIMES = 6


class BrokerUnreachable(Exception):
    """The Celery broker does not answer; is the server in REDIS_URL running?"""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class NoWorker(Exception):
    """Some regions have no worker to run their buyers."""

    def __init__(self, regions: list[str]) -> None:
        self.regions = regions
        commands = "\n".join(f"  {start_command(region)}" for region in regions)
        super().__init__(f"No worker runs for {', '.join(regions)}. Start one:\n{commands}")


def start_command(region: str) -> str:
    """Return the shell command that starts a region's worker."""
    return (
        f"WORLDSEAT_REGION={region} .venv/bin/celery -A worldseat worker --pool threads "
        f"-Q worldseat,{region} -n {region}@%h"
    )


def require_workers(regions: Iterable[str]) -> None:
    """Raise NoWorker unless each region's queue has a worker that answers within 3 s.

    Raises BrokerUnreachable when there is nobody to ask.
    """
    missing = set(regions)
    for _ in range(_ASK_TIMES):
        missing -= _served_queues()
        if not missing:
            return
    raise NoWorker(sorted(missing))


def _served_queues() -> set[str]:
    try:
        answers = app.control.inspect(timeout=_ASK_SECONDS).active_queues() or {}
    except (OperationalError, OSError) as error:
        raise BrokerUnreachable from error
    return {queue["name"] for queues in answers.values() for queue in queues}
