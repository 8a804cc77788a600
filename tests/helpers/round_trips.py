"""How often a connection waits for the server, as libpq itself traces it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from psycopg import pq

__all__ = ["counted_round_trips"]


@contextmanager
def counted_round_trips() -> Iterator[list[str]]:
    """Collect what the client sends in the block and then waits for.

    That is a simple query, or the end of a pipeline or of one statement of the extended protocol.
    """
    waits: list[str] = []
    connection.ensure_connection()
    pgconn = connection.connection.pgconn
    with tempfile.TemporaryFile("w+") as trace:
        pgconn.trace(trace.fileno())
        pgconn.set_trace_flags(pq.Trace.SUPPRESS_TIMESTAMPS)
        try:
            yield waits
        finally:
            pgconn.untrace()
        trace.seek(0)
        lines = [line.split("\t") for line in trace]
    waits += [
        line[3][:60].strip() for line in lines if line[0] == "F" and line[2] in {"Query", "Sync"}
    ]
