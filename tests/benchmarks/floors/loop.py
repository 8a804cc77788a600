"""The naive sale alone in a loop of psycopg's: `... loop EVENT FIRST SEATS CLIENTS SECONDS`.

Prints how many were sold, in how many seconds, and whether a client's share `ran_out` before.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from time import perf_counter
from uuid import UUID, uuid4

import psycopg

from tests.benchmarks.floors import sql
from tests.benchmarks.stage import made_id


def main() -> None:
    """Sell seats, each client its own share of them."""
    event, first, seats, clients, seconds = (
        UUID(sys.argv[1]),
        *(int(word) for word in sys.argv[2:5]),
        float(sys.argv[5]),
    )
    ready = threading.Barrier(clients + 1)
    sold = [0] * clients
    ran_out = [False] * clients

    def sell(client: int) -> None:
        with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
            ready.wait()
            until = perf_counter() + seconds
            for at in range(client, seats, clients):
                if perf_counter() > until:
                    break
                _sell(connection, event, made_id(f"seat{first + at}"), made_id(f"fan{at}"))
                sold[client] += 1
            else:
                ran_out[client] = True

    threads = [threading.Thread(target=sell, args=[client]) for client in range(clients)]
    for thread in threads:
        thread.start()
    ready.wait()
    began = perf_counter()
    for thread in threads:
        thread.join()
    told = {"sold": sum(sold), "seconds": perf_counter() - began, "ran_out": any(ran_out)}
    print(json.dumps(told))


def _sell(connection: psycopg.Connection, event: UUID, seat: UUID, fan: UUID) -> None:
    order = uuid4()
    row = connection.execute(sql.SELECT, [seat, event]).fetchone()
    assert row is not None
    assert row[0] == "available", row
    _, _, price, currency = row
    connection.execute(sql.UPDATE, [seat])
    connection.execute(sql.ORDER, [order, order.hex[:12], event, fan, price, currency])
    connection.execute(sql.TICKET, [uuid4(), order, event, seat, fan, price, currency])
    connection.commit()


if __name__ == "__main__":
    main()
