"""A Celery worker on threads of this process: it takes tasks from a broker, as any worker does.

What a task raises is told where the test can see it, and what a fixture has set is set for it too.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import redis
from celery import signals
from celery.contrib.testing.worker import TestWorkController
from celery.worker import state
from django.db import connections

from tests.helpers.crew import point_celery_at
from tests.helpers.waiting import wait_until
from worldseat.celery import app

__all__ = ["Ended", "working"]

# Of Valkey's databases that are this run's: no other test sends anything there.
_BROKER = 3
_THREADS = 6


class Ended:
    """What became of the tasks: the names of those that succeeded, and what others raised."""

    def __init__(self) -> None:
        self.succeeded: set[str] = set()
        self.failed: dict[str, str] = {}

    def succeed(self, sender: Any, **_: Any) -> None:
        """Note that a task has returned."""
        self.succeeded.add(sender.name)

    def fail(self, sender: Any, **told: Any) -> None:
        """Note why a task has not: it raised something, asks to be tried again, or was too late."""
        self.failed[sender.name] = str(told.get("einfo") or told.get("reason") or "not run")


@contextmanager
def working(queues: Sequence[str]) -> Iterator[Ended]:
    """Have a worker take what is sent to the queues, on an empty broker; yield what it does."""
    url = urlsplit(os.environ["REDIS_URL"])
    url = url._replace(path=f"/{int(url.path.strip('/') or 0) + _BROKER}")
    redis.Redis.from_url(url.geturl()).flushdb()
    ended, before = Ended(), point_celery_at(url.geturl())
    with ExitStack() as stack:
        stack.callback(point_celery_at, before)
        for signal, hear in _heard(ended).items():
            signal.connect(hear, weak=False)
            stack.callback(signal.disconnect, hear)
        stack.enter_context(_running(queues))
        yield ended


def _heard(ended: Ended) -> dict[Any, Any]:
    return {
        signals.task_success: ended.succeed,
        signals.task_failure: ended.fail,
        signals.task_retry: ended.fail,
        signals.task_revoked: ended.fail,
        signals.task_postrun: _close_connections,
    }


def _close_connections(**_: Any) -> None:
    # Of a thread that ends with the worker: they would outlive it.
    connections.close_all()


@contextmanager
def _running(queues: Sequence[str]) -> Iterator[None]:
    worker = TestWorkController(
        app=app,
        hostname="started@here",
        pool="threads",
        concurrency=_THREADS,
        queues=list(queues),
        loglevel="INFO",
        without_heartbeat=True,
        without_mingle=True,
        without_gossip=True,
    )
    thread = threading.Thread(target=worker.start, daemon=True)
    thread.start()
    try:
        worker.ensure_started()
        yield
    finally:
        state.should_terminate = 0  # type: ignore[assignment] # an exit status, or None
        wait_until(lambda: not thread.is_alive(), what="the worker to end")
        state.should_terminate = None
