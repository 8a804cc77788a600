"""Send requests over kept connections as fast as they are answered: `... load.client FILE TOLD`.

Where a server closes a connection after its answer, the client comes back over a new one.

FILE is JSON: host, port, clients, seconds, requests (texts, whole HTTP requests), and `endless`:
whether to begin again at the last. Writes JSON to TOLD: statuses, latencies in milliseconds,
seconds, whether the requests `ran_out` before the time was over, and what Server-Timing says of
conflicts. It parses no more of an answer than that and its length.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from time import perf_counter
from typing import Any

import uvloop


class Client(asyncio.Protocol):
    """One connection: the next request goes out when the last one is answered."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._buffer = b""
        self._sent = 0.0
        self._again = False

    def connection_made(self, transport: Any) -> None:
        """Wait for the start, which comes to all at once, or go on where it has been."""
        self._transport = transport
        if self._again:
            self._again = False
            self.next()
        else:
            self._run.connected(self)

    def next(self) -> None:
        """Send the next request, or leave."""
        request = self._run.next()
        if request is None:
            self._transport.close()
            return
        self._sent = perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Note an answer once it is whole."""
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        status = int(head[9:12])
        if status != 304 and len(body) < _length(head, body):
            return
        self._run.answered(status, perf_counter() - self._sent, _conflicts(head))
        self._buffer = b""
        if b"connection: close" in head.lower():
            self._again = True
            self._transport.close()
            return
        self.next()

    def connection_lost(self, error: Exception | None) -> None:
        """Leave, or come back."""
        if self._again:
            self._run.connect(self)
        else:
            self._run.left()


def _conflicts(head: bytes) -> int:
    """Return how many transactions of the request lost a conflict, as Server-Timing says."""
    at = head.find(b"conflicts=")
    return int(head[at + 10 :].split(b'"', 1)[0]) if at >= 0 else 0


def _length(head: bytes, body: bytes) -> int:
    lower = head.lower()
    at = lower.find(b"content-length:")
    if at >= 0:
        return int(lower[at + 15 :].split(b"\r\n", 1)[0])
    # Chunked: whole when its last chunk is there.
    return 0 if body.endswith(b"0\r\n\r\n") else len(body) + 1


class Run:
    """What all connections share."""

    def __init__(self, asked: dict[str, Any]) -> None:
        encoded = [each.encode() for each in asked["requests"]]
        self._requests: Iterator[bytes] = cycle(encoded) if asked.get("endless") else iter(encoded)
        self._clients = asked["clients"]
        self._seconds = asked["seconds"]
        self._ready: list[Client] = []
        self._address = (asked["host"], asked["port"])
        self._connecting: set[asyncio.Task[None]] = set()
        self._open = 0
        self.conflicts = self.met_conflicts = 0
        self.ran_out = False
        self.statuses: Counter[int] = Counter()
        self.latencies: list[float] = []
        self.over = asyncio.Event()

    def connect(self, client: Client) -> None:
        task = asyncio.ensure_future(self._connect(client))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self, client: Client) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: client, *self._address)
        except OSError:
            self.left()

    def connected(self, client: Client) -> None:
        self._open += 1
        self._ready.append(client)
        if len(self._ready) == self._clients:
            self.start()
            for each in self._ready:
                each.next()

    def start(self) -> None:
        self.began = self._last = perf_counter()
        self._until = self.began + self._seconds

    def next(self) -> bytes | None:
        if perf_counter() >= self._until:
            return None
        request = next(self._requests, None)
        self.ran_out |= request is None
        return request

    def answered(self, status: int, seconds: float, conflicts: int) -> None:
        self.conflicts += conflicts
        self.met_conflicts += conflicts > 0
        self.statuses[status] += 1
        self.latencies.append(seconds)
        self._last = perf_counter()

    def left(self) -> None:
        self._open -= 1
        if not self._open:
            self.over.set()

    def told(self) -> dict[str, Any]:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "statuses": dict(self.statuses),
            "latencies": [round(each * 1000, 3) for each in self.latencies],
            "seconds": self._last - self.began,
            "ran_out": self.ran_out,
            "conflicts": self.conflicts,
            "met_conflicts": self.met_conflicts,
            "cpu_seconds": used.ru_utime + used.ru_stime,
        }


async def _main(asked: dict[str, Any]) -> dict[str, Any]:
    run = Run(asked)
    loop = asyncio.get_running_loop()
    for _ in range(asked["clients"]):
        await loop.create_connection(lambda: Client(run), asked["host"], asked["port"])
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(run.over.wait(), asked["seconds"] + 120)
    return run.told()


if __name__ == "__main__":
    came_to = uvloop.run(_main(json.loads(Path(sys.argv[1]).read_text())))
    Path(sys.argv[2]).write_text(json.dumps(came_to))
