"""Which server the product's web process runs on: the same sale on each, in turn."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from functools import partial

from tests.benchmarks.figures import Found
from tests.benchmarks.halls import (
    Hall,
    HallRanOut,
    make_hall,
    purchase_requests,
    remove_hall,
    unsell,
)
from tests.benchmarks.sizes import sized_by_sql
from tests.benchmarks.stage import Server, Stage
from worldseat.local.processes import Program

CASE = "servers"
TITLE = "The sale on other servers and settings, 32 clients"
CLIENTS, SECONDS, LEAST_SEATS = 32, 2.0, 4000


def run(stage: Stage, found: Found, rounds: int) -> None:
    """Sell on each, round after round."""
    size = sized_by_sql(stage, found, CASE, seconds=SECONDS, least=LEAST_SEATS)
    hall = make_hall(stage, seats=size.seats, fans=size.seats)
    sell = partial(_sell, stage, hall, size.seconds)
    with contextlib.ExitStack() as stack:
        servers = {
            name: stack.enter_context(stage.serving(partial(_program, stage, words)))
            for name, words in _WAYS.items()
        }
        for server in servers.values():
            unsell(stage)
            sell(server)
        for number in stage.rounds(rounds):
            names = list(servers)
            for name in names[number % len(names) :] + names[: number % len(names)]:
                unsell(stage)
                for what, (value, unit) in sell(servers[name]).items():
                    found.add(CASE, name, what, value, unit)
    remove_hall(stage, hall)


_GUNICORN = "gunicorn worldseat.wsgi --worker-class gthread --preload --bind 127.0.0.1:{port}"
_OURS = "worldseat.web --port {port}"
_WAYS = {
    "as deployed: granian, 2 x 8 threads": "",
    "granian, 2 x 4 threads": f"{_OURS} --workers 2 --threads 4",
    "granian, 2 x 16 threads": f"{_OURS} --workers 2 --threads 16",
    "gunicorn gthread, 2 x 4 threads": f"{_GUNICORN} --workers 2 --threads 4",
    "gunicorn gthread, 2 x 8 threads": f"{_GUNICORN} --workers 2 --threads 8",
    "uvicorn ASGI, 2 workers": "uvicorn worldseat.asgi:application --host 127.0.0.1 --port {port} "
    "--workers 2 --no-access-log",
}


def _program(stage: Stage, words: str, port: int) -> Program:
    if not words:
        return replace(stage.programs().web(port), name="web-deployed")
    module, *rest = words.format(port=port).split()
    return stage.module(module, *rest, log=f"{module}-{port}")


def _sell(stage: Stage, hall: Hall, seconds: float, server: Server) -> dict[str, tuple[float, str]]:
    web, database = server.cpu(), stage.database_cpu()
    told = stage.load(
        server.port, purchase_requests(hall), clients=CLIENTS, seconds=seconds, endless=False
    )
    sold = told.statuses.get(201, 0)
    if set(told.statuses) != {201}:
        raise RuntimeError(f"{server.child.program.name} answered {told.statuses}")
    if told.ran_out:
        raise HallRanOut(server.child.program.name, seats=hall.seats, seconds=seconds)
    return {
        "sales": (told.rate, "/s"),
        "p50": (told.percentile(0.5), "ms"),
        "p99": (told.percentile(0.99), "ms"),
        "web": (server.cpu().since(web) / sold * 1000, "ms CPU/sale"),
        "database": (stage.database_cpu().since(database) / sold * 1000, "ms CPU/sale"),
    }
