"""Case 5: a token, a new connection, a pooled checkout; a process that starts, and its memory."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from typing import Any

import psutil

from tests.benchmarks.figures import Found
from tests.benchmarks.halls import make_hall, purchase_requests, unsell
from tests.benchmarks.stage import REGIONS, Stage
from worldseat.local.programs import Programs

CASE = "connecting"
TITLE = "Connecting and starting"
TOKEN_MS, START_SECONDS, MEMORY_MB = 0.5, 1.5, 150


def run(stage: Stage, found: Found, rounds: int) -> None:
    """Measure each, round after round."""
    region = stage.endpoints[REGIONS[0]]
    import django.db
    from psycopg_pool import ConnectionPool

    from worldseat.dsql.auth import mint_token
    from worldseat.dsql.url import database_from_url

    far = database_from_url(region.database_url)
    aliases = {"endpoint": far, "plain": database_from_url(stage.database_url)}
    connections = {
        name: django.db.connections.create_connection("default").__class__(
            {**django.db.connections["default"].settings_dict, **each}, name
        )
        for name, each in aliases.items()
    }

    def connect(name: str) -> None:
        connections[name].connect()
        connections[name].close()

    ways: dict[str, tuple[Callable[[], Any], int]] = {
        "a token": (
            lambda: mint_token(host=region.host, user="admin", region=region.region),
            200,
        ),
        "a new connection, TLS and token": (lambda: connect("endpoint"), 20),
        "a new connection, plain PostgreSQL": (lambda: connect("plain"), 20),
    }
    with ConnectionPool(stage.database_url, min_size=2, max_size=2, open=True) as pool:
        pool.wait()
        ways["a pooled checkout"] = (lambda: pool.putconn(pool.getconn()), 500)
        for work, _ in ways.values():
            work()
        for _ in stage.rounds(rounds):
            for name, (work, times) in ways.items():
                found.add(CASE, name, "each", _each(work, times) * 1000, "ms")
    for _ in stage.rounds(rounds):
        _start(stage, found)
    _hold_against_bars(found)


def _each(work: Callable[[], Any], times: int) -> float:
    began = perf_counter()
    for _ in range(times):
        work()
    return (perf_counter() - began) / times


def _start(stage: Stage, found: Found) -> None:
    """Start a web process as deployed, sell with it, and look at its workers' memory."""
    began = perf_counter()
    stage.run(sys.executable, "-c", "import worldseat.wsgi")
    found.add(CASE, "importing the web process's code", "each", (perf_counter() - began), "s")
    hall = make_hall(stage, seats=200, fans=200)
    programs = Programs(stage.home, stage.environment, lambda _: stage.database_url)
    began = perf_counter()
    with stage.serving(lambda port: replace(programs.web(port), name="started")) as server:
        found.add(CASE, "a web process, until it answers", "each", perf_counter() - began, "s")
        stage.load(server.port, purchase_requests(hall), clients=16, seconds=5, endless=False)
        workers = psutil.Process(server.child.pid).children(recursive=True)
        memory = max(each.memory_info().rss for each in workers) / 2**20
        own = max(each.memory_full_info().uss for each in workers) / 2**20
    found.add(CASE, "a worker's memory", "each", memory, "MiB")
    found.add(CASE, "of it not shared with others", "each", own, "MiB")
    unsell(stage)


def _hold_against_bars(found: Found) -> None:
    for who, wanted, most in (
        ("a token", f"a token in at most {TOKEN_MS} ms", TOKEN_MS),
        (
            "a web process, until it answers",
            f"a web process answers within {START_SECONDS} s of its cold start",
            START_SECONDS,
        ),
        ("a worker's memory", f"a worker's memory under {MEMORY_MB} MB", MEMORY_MB),
    ):
        measured = found.get(CASE, who, "each")
        assert measured
        found.bar(CASE, wanted, f"{measured.text()} {measured.unit}", met=measured.median <= most)
