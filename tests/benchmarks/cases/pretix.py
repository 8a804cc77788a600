"""Case 12: one seat ordered and paid over HTTP, here and in pretix, in turn in the same run."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from functools import partial
from statistics import median

from tests.benchmarks.cases.sale import DRF, UNITS, bare_requests, bare_web, over_http
from tests.benchmarks.figures import Found, Series, ratio
from tests.benchmarks.floors.pretix.hall import make_hall as make_theirs
from tests.benchmarks.floors.pretix.hall import order_requests, sold
from tests.benchmarks.floors.pretix.installing import VERSION, Unavailable
from tests.benchmarks.floors.pretix.site import DATABASE, Site
from tests.benchmarks.halls import Hall, make_hall, purchase_requests, remove_hall, unsell
from tests.benchmarks.sizes import Size, note_size, size_for, sized_by_sql
from tests.benchmarks.stage import Server, Stage
from tests.benchmarks.statements import statements_of
from worldseat.local.processes import ProgramFailed

CASE = "pretix"
TITLE = f"One seat over HTTP, here and in pretix {VERSION}"
OURS, PRETIX = "WorldSeat", f"pretix {VERSION}"
CLIENTS = (16, 32)
# It sells a few seats a second: in three seconds chance would say how many.
SECONDS = {OURS: 3.0, PRETIX: 10.0}
LEAST_SEATS = 1500
# Its floor is the bare DRF view, which sells many times what it does: that is margin enough, and
# its halls are made through its API, which takes longer than SQL.
THEIR_MARGIN, THEIR_MOST_SEATS = 1.0, 10_000
PROBED = 600
# As many workers as sell most are what it is measured with.
WORKERS = (2, 3, 4)
WARMING = 60
CHOOSING_SECONDS = 6.0
COUNTED = 10
LEAST = 30
# What it did on another day, on a machine of this kind: only for where it cannot be had.
RECORDED = 14

Measure = Callable[..., dict[str, float]]


def prepare(stage: Stage) -> None:
    """Install pretix and make its tables, where that is not done: minutes, of no case's time."""
    with contextlib.suppress(Unavailable, ProgramFailed):  # the case says so
        Site(stage)


def run(stage: Stage, found: Found, rounds: int) -> None:
    """Sell in each in turn, round after round."""
    size = sized_by_sql(stage, found, CASE, seconds=SECONDS[OURS], least=LEAST_SEATS)
    hall = make_hall(stage, seats=size.seats, fans=size.seats)
    seconds = {OURS: size.seconds}
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(stage.serving(stage.programs().web))
        contenders: dict[str, Measure] = {OURS: partial(_buy, stage, ours, hall)}
        try:
            contenders[PRETIX], seconds[PRETIX] = _best_of_theirs(stack, stage, found)
        except Unavailable as error:
            found.notes["pretix was not measured"] = str(error)
        contenders[OURS](8, seconds[OURS])  # once unmeasured: imports, caches, plans
        for number in stage.rounds(rounds):
            for clients in CLIENTS:
                names = list(contenders)
                for name in names[number % len(names) :] + names[: number % len(names)]:
                    told = contenders[name](clients, seconds[name])
                    _add(found, name, told, size=f"{clients} clients")
        _count(stage, found, contenders)
    remove_hall(stage, hall)
    hold_against_bar(found)


def _size_of_theirs(stage: Stage, found: Found) -> Size:
    """Measure the floor of pretix: a sale of it does all that the bare DRF view does, and more."""
    hall = make_hall(stage, seats=PROBED, fans=PROBED)
    requests = bare_requests(hall, "drf")
    with stage.serving(partial(bare_web, stage)) as server:
        # Workers load their code with their first requests.
        over_http(stage, server, requests[:WARMING], CLIENTS[0], seconds=60.0, counted=True)
        told = over_http(stage, server, requests[WARMING:], CLIENTS[0], seconds=60.0, counted=True)
    remove_hall(stage, hall)
    size = size_for(
        told["sales"],
        floor=DRF,
        seconds=SECONDS[PRETIX],
        least=LEAST_SEATS,
        most=THEIR_MOST_SEATS,
        margin=THEIR_MARGIN,
    )
    note_size(found, PRETIX, size)
    return size


def _best_of_theirs(
    stack: contextlib.ExitStack, stage: Stage, found: Found
) -> tuple[Measure, float]:
    """Start it with several numbers of workers, each warmed.

    Returns that which sells most, and for how many seconds its hall lasts.
    """
    site = Site(stage)
    size = _size_of_theirs(stage, found)
    rates: dict[int, float] = {}
    ways: dict[int, Measure] = {}
    item = 0
    for workers in WORKERS:
        print(f"pretix: starting, {workers} workers ...", file=sys.stderr)
        server = stack.enter_context(
            stage.serving(partial(site.web, workers), health="/healthcheck/")
        )
        item = item or make_theirs(site, server.port, seats=size.seats)
        ways[workers] = partial(_order, stage, site, server, order_requests(item, seats=size.seats))
        # Each worker loads most of its code with its first request.
        ways[workers](CLIENTS[0], 60.0, number=WARMING)
    for workers, sell in ways.items():
        rates[workers] = sell(CLIENTS[0], min(CHOOSING_SECONDS, size.seconds))["sales"]
    best = max(rates, key=lambda workers: rates[workers])
    tried = ", ".join(f"{rate:.1f} with {workers}" for workers, rate in rates.items())
    found.notes["pretix's gunicorn"] = f"{best} workers; orders a second {tried}"
    return ways[best], size.seconds


def _buy(
    stage: Stage, server: Server, hall: Hall, clients: int, seconds: float, number: int = 0
) -> dict[str, float]:
    """Sell for so many seconds, or a `number` of seats."""
    unsell(stage)
    requests = purchase_requests(hall, number=number or hall.seats)
    told = over_http(stage, server, requests, clients, seconds=seconds, counted=bool(number))
    orders = "SELECT count(*) FROM sales_order WHERE state = 'paid'"
    tickets = "SELECT count(*), count(DISTINCT seat_id) FROM sales_ticket WHERE state = 'valid'"
    check(told.pop("sold"), *stage.execute(orders)[0], *stage.execute(tickets)[0])
    return told


def _order(
    stage: Stage,
    site: Site,
    server: Server,
    requests: list[str],
    clients: int,
    seconds: float,
    number: int = 0,
) -> dict[str, float]:
    """Sell for so many seconds, or a `number` of seats."""
    site.forget()
    asked = requests[: number or len(requests)]
    told = over_http(stage, server, asked, clients, seconds=seconds, counted=bool(number))
    check(told.pop("sold"), *sold(site))
    return told


def check(answered: float, orders: int, tickets: int, seats: int) -> None:
    """Raise RuntimeError unless each answer is an order, with a ticket for a seat of its own."""
    if not answered == orders == tickets == seats:
        raise RuntimeError(
            f"{answered:.0f} sales were answered, and the database has {orders} orders with "
            f"{tickets} tickets for {seats} seats"
        )


def _count(stage: Stage, found: Found, contenders: dict[str, Measure]) -> None:
    """Count the statements of a sale, one client and ten sales; the rounds are over."""
    databases = {OURS: stage.database_url.rpartition("/")[2], PRETIX: DATABASE}
    for name, sell in contenders.items():
        number = statements_of(stage, databases[name], partial(sell, 1, 60.0, number=COUNTED))
        found.notes[f"{name}: statements a sale"] = f"{number / COUNTED:g}"


def _add(found: Found, name: str, told: dict[str, float], *, size: str) -> None:
    for what, value in told.items():
        found.add(CASE, name, what, value, UNITS[what], size=size)


def hold_against_bar(found: Found) -> None:
    """Hold the sale against pretix's in this run, or else against what is on record."""
    ours, theirs = _best(found, OURS), _best(found, PRETIX)
    assert ours
    if theirs:
        ratios = ratio(ours, theirs)
        less = _processor_time(found, theirs) / _processor_time(found, ours)
        found.bar(
            CASE,
            f"at least {LEAST} x {PRETIX}, measured in this run in turn, each with as many "
            f"clients as suit it",
            f"{median(ratios):.1f} x ({min(ratios):.1f} to {max(ratios):.1f}): "
            f"{ours.text()}/s, {theirs.text()}/s; of processor time {less:.0f} x less a sale",
            met=median(ratios) >= LEAST,
        )
        return
    times = ours.median / RECORDED
    found.bar(
        CASE,
        f"at least {LEAST} x the {RECORDED} orders/s of pretix that were recorded on another day: "
        f"it was not measured in this run (see the notes)",
        f"{times:.1f} x: {ours.text()}/s",
        met=times >= LEAST,
    )


def _best(found: Found, who: str) -> Series | None:
    """Return the sales of one in each round, with that number of clients that suits it best."""
    known = [each for each in found.of(CASE) if (each.who, each.what) == (who, "sales")]
    return max(known, key=lambda each: each.median, default=None)


def _processor_time(found: Found, sales: Series) -> float:
    """Return what a sale took of web and database, at the number of clients of `sales`.

    Rates depend on who else is at work on the machine and how; this hardly does.
    """
    parts = (found.get(CASE, sales.who, what, size=sales.size) for what in ("web", "database"))
    return sum(part.median for part in parts if part)
