"""Case 9: the same sale through the local TLS regions, and far away: round trips counted."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from tests.benchmarks.figures import Found
from tests.benchmarks.halls import Hall, make_hall, purchase_requests, unsell
from tests.benchmarks.stage import REGIONS, Server, Stage
from worldseat.local.processes import Program
from worldseat.local.programs import Programs

CASE = "regions"
TITLE = "The sale through the TLS endpoint of a region, one client"
LATENCIES = (0.0, 0.001, 0.005, 0.05)
SALES = 20
MOST, MOST_REFUSED = 4, 2


def run(stage: Stage, found: Found, rounds: int) -> None:
    """Sell in both forms, near and far."""
    hall = make_hall(stage, seats=SALES * 2, fans=SALES * 2)
    region = stage.endpoints[REGIONS[0]]
    for form, lean in (("lean", "on"), ("naive", "off")):
        environment = {**stage.environment, **region.environment, "LEAN_PURCHASES": lean}
        programs = Programs(stage.home, environment, lambda _: region.database_url)
        with stage.serving(partial(_one_worker, programs)) as server:
            unsell(stage)
            _sell(stage, server, hall)  # once unmeasured
            for _ in stage.rounds(min(rounds, 3)):
                for latency in LATENCIES:
                    region.control.set(latency=latency)
                    _measure(stage, found, server, hall, form, latency)
        region.control.clear()
    _hold_against_bars(found)


def _one_worker(programs: Programs, port: int) -> Program:
    return replace(programs.web(port, REGIONS[0]), name="web-region")


def _sell(stage: Stage, server: Server, hall: Hall) -> list[float]:
    requests = purchase_requests(hall, number=SALES)
    told = stage.load(server.port, requests, clients=1, seconds=60, endless=False)
    return told.latencies


def _measure(
    stage: Stage, found: Found, server: Server, hall: Hall, form: str, latency: float
) -> None:
    unsell(stage)
    control, size = stage.endpoints[REGIONS[0]].control, f"{latency * 1000:g} ms away"
    before = control.counters()
    latencies = _sell(stage, server, hall)
    between = control.counters()
    _sell(stage, server, hall)  # other keys: the seats are sold
    after = control.counters()
    for what, value, unit in (
        ("p50", latencies[len(latencies) // 2], "ms"),
        ("round trips a sale", (between["round_trips"] - before["round_trips"]) / SALES, ""),
        ("statements a sale", (between["statements"] - before["statements"]) / SALES, ""),
        ("round trips a refusal", (after["round_trips"] - between["round_trips"]) / SALES, ""),
    ):
        found.add(CASE, form, what, value, unit, size=size)


def _hold_against_bars(found: Found) -> None:
    for what, most in (("round trips a sale", MOST), ("round trips a refusal", MOST_REFUSED)):
        measured = found.get(CASE, "lean", what, size="0 ms away")
        assert measured
        found.bar(
            CASE,
            f"at most {most} {what}, COMMIT and authentication included",
            measured.text(),
            met=max(measured.values) <= most,
        )
