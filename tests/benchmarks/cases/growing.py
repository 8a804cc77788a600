"""What a sale costs with 1, 10 and 100 times the seats, fans and organisations."""

from __future__ import annotations

from statistics import median

from tests.benchmarks.figures import Found
from tests.benchmarks.halls import Hall, make_hall, purchase_requests, unsell
from tests.benchmarks.stage import Server, Stage

CASE = "growing"
TITLE = "The sale as what is stored grows, one client"
SIZES = (1, 10, 100)
SEATS, ORGANISATIONS, SALES = 1000, 1, 300
WHO = "WorldSeat"
# More than this is growth; less is the noise of caches and pages that are not in them.
TOLERATED = 1.25


def run(stage: Stage, found: Found, rounds: int) -> None:
    """Grow everything, and sell as many seats each time."""
    from tests.helpers.cast import make_organisation

    # The fans of other cases are as many as the machine is fast: they would hide the growth.
    stage.empty()
    with stage.serving(stage.programs().web) as server:
        for size in SIZES:
            for number in range(ORGANISATIONS * size):
                make_organisation(f"grown-{size}-{number}")
            hall = make_hall(stage, seats=SEATS * size, fans=SEATS * size)
            unsell(stage)
            _sell(stage, server, hall)  # once unmeasured
            for _ in stage.rounds(rounds):
                unsell(stage)
                _measure(stage, found, server, hall, f"x {size}")
    _hold_against_bar(found)


def _sell(stage: Stage, server: Server, hall: Hall) -> list[float]:
    # From all over the hall.
    requests = purchase_requests(hall)[:: max(hall.seats // SALES, 1)][:SALES]
    told = stage.load(server.port, requests, clients=1, seconds=60, endless=False)
    assert set(told.statuses) == {201}, told.statuses
    return told.latencies


def _measure(stage: Stage, found: Found, server: Server, hall: Hall, size: str) -> None:
    database, web = stage.database_cpu(), server.cpu()
    latencies = _sell(stage, server, hall)
    for what, value, unit in (
        ("p50", latencies[len(latencies) // 2], "ms"),
        ("database", stage.database_cpu().since(database) / SALES * 1000, "ms CPU/sale"),
        ("web", server.cpu().since(web) / SALES * 1000, "ms CPU/sale"),
    ):
        found.add(CASE, WHO, what, value, unit, size=size)


def _hold_against_bar(found: Found) -> None:
    small, large = (found.get(CASE, WHO, "p50", size=f"x {size}") for size in (1, 100))
    assert small
    assert large
    grown = median(large.values) / median(small.values)
    found.bar(
        CASE,
        f"a sale costs no more with 100 times the seats, fans and organisations (within "
        f"{TOLERATED} x)",
        f"p50 {grown:.2f} x",
        met=grown <= TOLERATED,
    )
