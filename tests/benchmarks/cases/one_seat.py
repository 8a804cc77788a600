"""Case 2: one seat, wanted by all at one instant: how long, and how much of it was writing."""

from __future__ import annotations

from tests.benchmarks.figures import Found
from tests.benchmarks.halls import make_hall, purchase_requests, unsell
from tests.benchmarks.stage import Stage

CASE = "one_seat"
TITLE = "One seat, wanted by all at one instant"
BUYERS = {60: 60, 500: 500, 5000: 500}  # and over how many connections they come
WHO = "WorldSeat"
BAR = 1.05


def run(stage: Stage, found: Found, rounds: int) -> None:
    """Let each crowd loose, round after round."""
    hall = make_hall(stage, seats=1, fans=max(BUYERS))
    with stage.serving(stage.programs().web) as server:
        for _ in stage.rounds(rounds):
            for buyers, clients in BUYERS.items():
                unsell(stage)
                requests = purchase_requests(hall, number=buyers, one_seat=hall.first)
                told = stage.load(
                    server.port, requests, clients=clients, seconds=120, endless=False
                )
                # Each lost a conflict for having written the seat; the last writer won.
                reached = 1 + told.met_conflicts
                for what, value, unit in (
                    ("all answered after", told.seconds, "s"),
                    ("p50", told.percentile(0.5), "ms"),
                    ("p99", told.percentile(0.99), "ms"),
                    ("sold", told.statuses.get(201, 0), ""),
                    ("refused", told.statuses.get(409, 0), ""),
                    ("other answers", _others(told.statuses), ""),
                    ("reached the seat while it was free", reached, ""),
                    ("wrote it, a buyer of these", (1 + told.conflicts) / reached, ""),
                    ("refused by a read", (buyers - reached) / max(buyers - 1, 1), "of 1"),
                ):
                    found.add(CASE, WHO, what, value, unit, size=f"{buyers} buyers")
    _hold_against_bar(found)


def _others(statuses: dict[int, int]) -> int:
    return sum(number for status, number in statuses.items() if status not in (201, 409))


def _hold_against_bar(found: Found) -> None:
    size = "5000 buyers"
    wrote = found.get(CASE, WHO, "wrote it, a buyer of these", size=size)
    sold = found.get(CASE, WHO, "sold", size=size)
    others = found.get(CASE, WHO, "other answers", size=size)
    if wrote and sold and others:
        found.bar(
            CASE,
            f"5,000 buyers: at most {BAR} transactions that write the seat a buyer who reached it "
            f"while it was free, sold once, no 5xx",
            f"{wrote.text()}; sold {sold.text()}; other answers {others.text()}",
            met=max(wrote.values) <= BAR and set(sold.values) == {1} and not any(others.values),
        )
