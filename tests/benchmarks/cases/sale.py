"""Case 1: one seat a fan over HTTP, all of it, from 1 to 128 clients, beside its floors."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from statistics import median
from typing import Any

from tests.benchmarks.figures import Found, ratio
from tests.benchmarks.floors import pgbench
from tests.benchmarks.halls import (
    Hall,
    HallRanOut,
    make_hall,
    purchase_requests,
    remove_hall,
    unsell,
)
from tests.benchmarks.sizes import sized_by_sql
from tests.benchmarks.stage import Server, Stage, made_id
from worldseat.local.processes import Program

CASE = "sale"
TITLE = "One seat a fan over HTTP"
CLIENTS = (1, 8, 32, 128)
# Where all of the floors are measured; at the others, those that the bars are about.
ALL_AT = 8
SECONDS = 2.0
LEAST_SEATS = 6000

OURS = "WorldSeat"
DRF = "bare DRF view over the ORM"
STARLETTE = "bare Starlette view"
NOTHING = "a server that does nothing: the load's own ceiling"

Measure = Callable[[int], dict[str, float]]


def run(stage: Stage, found: Found, rounds: int) -> None:
    """Measure each contender in turn, round after round."""
    size = sized_by_sql(stage, found, CASE, seconds=SECONDS, least=LEAST_SEATS)
    hall = make_hall(stage, seats=size.seats, fans=size.seats)
    with contextlib.ExitStack() as stack:
        contenders = dict(_contenders(stack, stage, hall, size.seconds))
        for measure in contenders.values():  # once unmeasured: imports, caches, plans
            unsell(stage)
            measure(8)
        for number in stage.rounds(rounds):
            for clients in CLIENTS:
                names = [
                    name
                    for name in contenders
                    if clients == ALL_AT or name in (OURS, DRF, STARLETTE)
                ]
                for name in names[number % len(names) :] + names[: number % len(names)]:
                    unsell(stage)
                    told = contenders[name](clients)
                    told.pop("sold", None)
                    for what, value in told.items():
                        unit = UNITS.get(what, "")
                        found.add(CASE, name, what, value, unit, size=f"{clients} clients")
    remove_hall(stage, hall)
    _hold_against_bars(found)


UNITS = {"sales": "/s", "p50": "ms", "p99": "ms", "web": "ms CPU/sale", "database": "ms CPU/sale"}


def _contenders(
    stack: contextlib.ExitStack, stage: Stage, hall: Hall, seconds: float
) -> Iterator[tuple[str, Measure]]:
    over = partial(over_http, stage, seconds=seconds)
    programs = stage.programs()
    ours = stack.enter_context(stage.serving(programs.web))
    yield OURS, partial(over, ours, purchase_requests(hall))
    bare = stack.enter_context(stage.serving(lambda port: bare_web(stage, port)))
    for name, path in (
        (DRF, "drf"),
        ("bare Django view, ORM", "orm"),
        ("bare Django view", "hand"),
    ):
        yield name, partial(over, bare, bare_requests(hall, path))
    starlette = stack.enter_context(stage.serving(lambda port: _starlette(stage, port)))
    yield STARLETTE, partial(over, starlette, bare_requests(hall, "bare"))
    nothing = stack.enter_context(stage.serving(lambda port: _nothing(stage, port)))
    # Nothing is sold, so that nothing can run out.
    yield NOTHING, partial(over, nothing, bare_requests(hall, "nothing"), endless=True)
    yield "psycopg loop, naive sale alone", partial(_loop, stage, hall, seconds)
    for name, script, prepared in (
        ("pgbench, naive sale alone", pgbench.BARE, False),
        ("pgbench, naive sale alone, prepared", pgbench.BARE, True),
        ("pgbench, all statements of the naive sale", pgbench.WHOLE, False),
    ):
        yield name, partial(_pgbench, stage, hall, script, prepared, seconds)


def bare_web(stage: Stage, port: int) -> Program:
    """Return the bare Django, served as the product is."""
    deployed = stage.programs().web(port)
    words = [*deployed.command, "--application", "tests.benchmarks.floors.wsgi"]
    return replace(deployed, name="bare", command=words, log=stage.home / "logs" / "bench-bare.log")


def _starlette(stage: Stage, port: int) -> Program:
    words = ["tests.benchmarks.floors.starlette_bare:application", "--port", str(port)]
    words += ["--workers", "2", "--no-access-log", "--log-level", "warning"]
    return stage.module("uvicorn", *words)


def _nothing(stage: Stage, port: int) -> Program:
    return stage.module("tests.benchmarks.load.nothing", str(port))


def bare_requests(hall: Hall, path: str) -> list[str]:
    """Return the requests of a floor: the same seats and fans, nothing but them."""
    found = []
    for at in range(hall.seats):
        seat, fan = made_id(f"seat{hall.first + at}"), made_id(f"fan{at % hall.fans}")
        body = f'{{"seat": "{seat}", "fan": "{fan}"}}'
        found.append(
            f"POST /{path}/{hall.event}/ HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        )
    return found


def over_http(
    stage: Stage,
    server: Server,
    requests: list[str],
    clients: int,
    *,
    seconds: float,
    endless: bool = False,
    counted: bool = False,
) -> dict[str, float]:
    """Sell over HTTP: what it came to in the units of `UNITS`, and how many were `sold`.

    `endless`: begin again after the last request. `counted`: all requests are to be sent, and
    `seconds` is a limit. Raises RuntimeError if anything but a sale was answered, and HallRanOut.
    """
    web, database = server.cpu(), stage.database_cpu()
    told = stage.load(server.port, requests, clients=clients, seconds=seconds, endless=endless)
    sold = told.statuses.get(201, 0)
    others = {status: number for status, number in told.statuses.items() if status != 201}
    if others or not sold:
        raise RuntimeError(f"{server.child.program.name} answered {told.statuses}")
    if told.ran_out and not counted:
        raise HallRanOut(server.child.program.name, seats=len(requests), seconds=seconds)
    return {
        "sold": sold,
        "sales": sold / told.seconds,
        "p50": told.percentile(0.5),
        "p99": told.percentile(0.99),
        "web": server.cpu().since(web) / sold * 1000,
        "database": stage.database_cpu().since(database) / sold * 1000,
    }


def _loop(stage: Stage, hall: Hall, seconds: float, clients: int) -> dict[str, float]:
    words: list[Any] = [hall.event, hall.first, hall.seats, clients, seconds]
    module = [sys.executable, "-m", "tests.benchmarks.floors.loop"]
    database = stage.database_cpu()
    told = json.loads(stage.run(*module, *map(str, words)).stdout)
    if told["ran_out"]:
        raise HallRanOut("the psycopg loop", seats=hall.seats, seconds=seconds)
    return {
        "sales": told["sold"] / told["seconds"],
        "database": stage.database_cpu().since(database) / told["sold"] * 1000,
    }


def _pgbench(
    stage: Stage, hall: Hall, script: str, prepared: bool, seconds: float, clients: int
) -> dict[str, float]:
    database = stage.database_cpu()
    told = pgbench.run(stage, hall, script, clients=clients, seconds=seconds, prepared=prepared)
    return {
        "sales": told["rate"],
        "database": stage.database_cpu().since(database) / told["sold"] * 1000,
    }


def _hold_against_bars(found: Found) -> None:
    eight, many = "8 clients", "32 clients"
    ours = found.get(CASE, OURS, "sales", size=eight)
    for floor, least in ((DRF, 1.5), (STARLETTE, 1.0)):
        ratios = ratio(ours, found.get(CASE, floor, "sales", size=eight))
        found.bar(
            CASE,
            f"at least {least} x the {floor} (8 clients)"
            + (" (the moonshot)" if floor == STARLETTE else ""),
            f"{median(ratios):.2f} x ({min(ratios):.2f} to {max(ratios):.2f})",
            met=median(ratios) >= least,
        )
    p50, p99 = (found.get(CASE, OURS, what, size=many) for what in ("p50", "p99"))
    if p50 and p99:
        share = median(ratio(p99, p50))
        found.bar(
            CASE,
            "p99 at 32 clients under 5 x p50",
            f"p50 {p50.median:.0f} ms, p99 {p99.median:.0f} ms: {share:.1f} x",
            met=share < 5,
        )
