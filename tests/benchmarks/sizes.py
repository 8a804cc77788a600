"""How many seats a case needs so that nothing it measures sells them all before the time is over.

Nothing sells faster than the case's floor. It is measured first, by a number of sales instead of a
time, so that it cannot run out of seats itself; the hall is made large enough for what it could
sell in the case's time, with a margin.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

from tests.benchmarks.figures import Found
from tests.benchmarks.floors import pgbench
from tests.benchmarks.halls import Hall, make_hall, remove_hall, unsell
from tests.benchmarks.stage import Stage

__all__ = ["Size", "measure_sql_floor", "note_size", "size_for", "sized_by_sql"]

# The floor may have been measured while others used the machine: half its rate, or less.
MARGIN = 3.0
# Made in 10 to 30 seconds on two cores, depending on who else uses them.
MOST_SEATS = 100_000
LEAST_SECONDS = 1.0
SQL_FLOOR = "pgbench, naive sale alone, prepared"
PROBED_SALES, PROBED_CLIENTS = 2000, 8


@dataclass(frozen=True)
class Size:
    """How many seats to sell in how many seconds, and the reason."""

    seats: int
    seconds: float
    why: str


def size_for(
    rate: float,
    *,
    floor: str,
    seconds: float,
    least: int,
    most: int = MOST_SEATS,
    margin: float = MARGIN,
) -> Size:
    """Return the size for a floor of `rate` sales a second: `least` to `most` seats.

    Where `most` would not last for `seconds`, the time becomes shorter: whole seconds, since
    pgbench takes no others, and `LEAST_SECONDS` at least. If even that is too long, the margin is
    what is left of it.
    """
    lasting = seconds
    if rate * seconds * margin > most:
        lasting = min(seconds, max(LEAST_SECONDS, math.floor(most / (rate * margin))))
    seats = min(most, max(least, math.ceil(rate * lasting * margin)))
    why = f"the floor ({floor}) sells {rate:,.0f}/s, and the seats are for"
    why += f" {seats / (rate * lasting):.1f} times as many" if rate else " more than nothing"
    if lasting < seconds:
        why += f"; {lasting:g} s instead of {seconds:g}, since a hall has {most:,} seats at most"
    return Size(seats, lasting, why)


def sized_by_sql(stage: Stage, found: Found, case: str, *, seconds: float, least: int) -> Size:
    """Measure the floor in SQL, and say in the report which size follows from it."""
    size = size_for(measure_sql_floor(stage), floor=SQL_FLOOR, seconds=seconds, least=least)
    note_size(found, case, size)
    return size


def note_size(found: Found, name: str, size: Size) -> None:
    """Say which size was chosen and why, in the report and at once."""
    text = f"{size.seats:,} seats for {size.seconds:g} s: {size.why}"
    found.notes[f"{name}, its hall"] = text
    print(f"{name}, its hall: {text}", file=sys.stderr)


def measure_sql_floor(stage: Stage) -> float:
    """Return how many sales a second SQL alone makes, the better of two times."""
    hall = make_hall(stage, seats=PROBED_SALES, fans=PROBED_SALES)
    rate = max(_probe(stage, hall) for _ in range(2))
    remove_hall(stage, hall)
    return rate


def _probe(stage: Stage, hall: Hall) -> float:
    unsell(stage)
    told = pgbench.run(
        stage,
        hall,
        pgbench.BARE,
        clients=PROBED_CLIENTS,
        sales=PROBED_SALES,
        prepared=True,
    )
    return float(told["rate"])
