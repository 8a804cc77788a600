"""Threads that live in a region: each has a connection to that region's endpoint."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connections

from accounts.scopes import everywhere
from worldseat.dsql.base import DatabaseWrapper
from worldseat.dsql.url import database_from_url
from worldseat.local.endpoint.launch import Endpoint

__all__ = ["Regions", "in_regions"]

THREADS_A_REGION = 2

Work = Callable[[], Any]


@dataclass
class Regions:
    """The regions' endpoints and threads; index 0 is the first region."""

    endpoints: Sequence[Endpoint]
    _queues: Sequence[queue.SimpleQueue[tuple[Work, Future[Any]] | None]]

    def at_once(self, works: Sequence[tuple[int, Work]]) -> list[Any]:
        """Run each work in its region; return what it returned or raised, in order."""
        futures: list[Future[Any]] = []
        for region, work in works:
            futures.append(Future())
            self._queues[region].put((work, futures[-1]))
        return [future.exception(timeout=60) or future.result() for future in futures]

    def clear_faults(self) -> None:
        """End all faults."""
        for endpoint in self.endpoints:
            endpoint.control.clear()


@contextmanager
def in_regions(endpoints: Sequence[Endpoint]) -> Iterator[Regions]:
    """Start the threads of each region, and end them."""
    queues: list[queue.SimpleQueue[Any]] = [queue.SimpleQueue() for _ in endpoints]
    threads = [
        threading.Thread(target=_live, args=(endpoint, works), daemon=True)
        for endpoint, works in zip(endpoints, queues, strict=True)
        for _ in range(THREADS_A_REGION)
    ]
    for thread in threads:
        thread.start()
    try:
        yield Regions(endpoints, queues)
    finally:
        for works in queues:
            for _ in range(THREADS_A_REGION):
                works.put(None)
        for thread in threads:
            thread.join(timeout=30)


def _live(endpoint: Endpoint, works: queue.SimpleQueue[tuple[Work, Future[Any]] | None]) -> None:
    settings = {**connections["default"].settings_dict, **database_from_url(endpoint.database_url)}
    # Connections are a thread's own: no other sees this one.
    connections["default"] = DatabaseWrapper(settings, alias="default")
    while job := works.get():
        work, future = job
        try:
            with everywhere():  # threads inherit no scope
                future.set_result(work())
        except Exception as error:
            future.set_exception(error)
    connections["default"].close()
