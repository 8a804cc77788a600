"""Case 4: availability under 10,000 watchers who poll, while seats are being sold."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from time import monotonic, sleep
from typing import Any

from tests.benchmarks.cases.sale import OURS
from tests.benchmarks.figures import Found, ratio
from tests.benchmarks.halls import (
    Hall,
    HallRanOut,
    make_hall,
    purchase_requests,
    remove_hall,
    unsell,
)
from tests.benchmarks.sizes import sized_by_sql
from tests.benchmarks.stage import REGIONS, Answered, Server, Stage, made_id
from worldseat.local.programs import Programs

CASE = "availability"
TITLE = "Availability of a hall of 1,586 seats under 10,000 watchers who poll, seats being sold"
WATCHERS, CONNECTIONS, SECONDS = 10_000, 64, 4.0
SEATS, SOLD_A_SECOND = 1586, 10
SALE_SECONDS = 2.0
TIMES_THE_SALE, QUERIES_A_SECOND = 20, 2


def run(stage: Stage, found: Found, rounds: int) -> None:
    """Poll in each way; the sale's own rate is the floor."""
    # The sale would sell out the hall that is watched, so it has one of its own.
    size = sized_by_sql(stage, found, CASE, seconds=SALE_SECONDS, least=SEATS)
    sold = make_hall(stage, seats=size.seats, fans=size.seats)
    hall = make_hall(stage, seats=SEATS, fans=SEATS)
    region = stage.endpoints[REGIONS[0]]
    environment = {**stage.environment, **region.environment}
    environment["DATABASE_URL"] = region.database_url  # it counts statements
    programs = Programs(stage.home, environment, lambda _: region.database_url)
    with (
        stage.serving(programs.web) as watched,
        stage.serving(stage.programs().web) as selling,
    ):
        # A worker loads the rest of its code beside its first sales.
        _sell(stage, selling, sold, size.seconds)
        for _ in stage.rounds(rounds):
            sale = _sell(stage, selling, sold, size.seconds)
            found.add(CASE, OURS, "answers", sale.rate, "/s", size="the sale, 8 clients")
            _half_sold(stage, hall)
            for way, requests in _ways(hall, watched).items():
                _watch(stage, found, watched, hall, way, requests)
    remove_hall(stage, sold)
    _hold_against_bars(found)


def _sell(stage: Stage, server: Server, hall: Hall, seconds: float) -> Answered:
    unsell(stage)
    requests = purchase_requests(hall)
    told = stage.load(server.port, requests, clients=8, seconds=seconds, endless=False)
    if told.ran_out:
        raise HallRanOut(server.child.program.name, seats=hall.seats, seconds=seconds)
    return told


def _half_sold(stage: Stage, hall: Hall) -> None:
    """Sell every other seat that is watched: an answer with a cursor lists what changed lately."""
    import psycopg

    with psycopg.connect(stage.database_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE sales_seat SET status = 'sold', changed_at = now() "
            "WHERE event_id = %s AND position %% 2 = 0",
            [hall.event],
        )


def _ways(hall: Hall, server: Server) -> dict[str, list[str]]:
    """Return the requests of each way to poll: whole, what changed, or nothing new."""
    cursor, etag = _look(server, hall)[:2]
    path = f"/api/v1/events/{hall.event}/availability/"
    return {
        "with a cursor": [_get(f"{path}?since={cursor}")] * WATCHERS,
        "with an ETag": [_get(path, f"If-None-Match: {etag}\r\n")] * WATCHERS,
        "all of it": [_get(path)] * WATCHERS,
    }


def _get(path: str, more: str = "") -> str:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n"


def _look(server: Server, hall: Hall) -> tuple[str, str, float]:
    url = f"http://127.0.0.1:{server.port}/api/v1/events/{hall.event}/availability/"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=30) as answer:
        told = json.load(answer)
        return told["cursor"], answer.headers["ETag"], told["age"]


def _watch(
    stage: Stage, found: Found, server: Server, hall: Hall, way: str, requests: list[str]
) -> None:
    control = stage.endpoints[REGIONS[0]].control
    ages: list[float] = []
    with (
        _in_the_background(_sell_slowly, stage, hall),
        _in_the_background(_age, server, hall, ages),
    ):
        before, began, web = control.counters()["statements"], monotonic(), server.cpu()
        told = stage.load(server.port, requests, clients=CONNECTIONS, seconds=SECONDS, endless=True)
        seconds = monotonic() - began
        queries = control.counters()["statements"] - before
    if set(told.statuses) - {200, 304}:
        raise RuntimeError(f"availability answered {told.statuses}")
    for what, value, unit in (
        ("answers", told.rate, "/s"),
        ("p50", told.percentile(0.5), "ms"),
        ("p99", told.percentile(0.99), "ms"),
        ("web", server.cpu().since(web) / len(told.latencies) * 1000, "ms CPU"),
        ("database queries", queries / seconds, "/s"),
        ("not modified", told.statuses.get(304, 0) / len(told.latencies), "of 1"),
        ("oldest answer", max(ages, default=0.0), "s"),
    ):
        found.add(CASE, OURS, what, value, unit, size=way)


@contextmanager
def _in_the_background(work: Any, *arguments: Any) -> Iterator[None]:
    over = threading.Event()
    thread = threading.Thread(target=work, args=[*arguments, over])
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _sell_slowly(stage: Stage, hall: Hall, over: threading.Event) -> None:
    """Change seats in the database itself: what sells them is not what is measured."""
    import psycopg

    with psycopg.connect(stage.database_url, autocommit=True) as connection:
        number = 0
        while not over.is_set():
            connection.execute(
                "UPDATE sales_seat SET status = CASE status WHEN 'sold' THEN 'available' "
                "ELSE 'sold' END, changed_at = now() WHERE id = %s",
                [made_id(f"seat{hall.first + number % hall.seats}")],
            )
            number += 7
            sleep(1 / SOLD_A_SECOND)


def _age(server: Server, hall: Hall, ages: list[float], over: threading.Event) -> None:
    while not over.is_set():
        ages.append(_look(server, hall)[2])
        sleep(0.2)


def _hold_against_bars(found: Found) -> None:
    sale = found.get(CASE, OURS, "answers", size="the sale, 8 clients")
    for way in ("with a cursor", "with an ETag"):
        times = ratio(found.get(CASE, OURS, "answers", size=way), sale)
        queries = found.get(CASE, OURS, "database queries", size=way)
        assert queries
        found.bar(
            CASE,
            f"{way}: at least {TIMES_THE_SALE} times the sale's rate, at most "
            f"{QUERIES_A_SECOND} database queries a second an event",
            f"{median(times):.1f} times; {queries.text()} queries/s",
            met=median(times) >= TIMES_THE_SALE and queries.median <= QUERIES_A_SECOND,
        )
