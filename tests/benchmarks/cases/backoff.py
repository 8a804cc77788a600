"""How long to wait before a transaction runs again: first waits x latency x contention, measured.

So many buyers at once count under one presale code, or one of several, each with a read and a write
at COMMIT through a region's endpoint that is so far away; a round is over when each has counted so
often. `@occ_retry` waits for a random time of up to the first wait, then twice, four times it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from uuid import UUID, uuid4

from tests.benchmarks.figures import Found
from tests.benchmarks.halls import make_hall
from tests.benchmarks.stage import REGIONS, Stage

CASE = "backoff"
TITLE = "The first wait of a retry: time until all of 12 buyers have counted 4 times"
FIRST_WAITS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
LATENCIES = (0.001, 0.005, 0.05)
ROWS = (1, 4)
BUYERS, TIMES = 12, 4
CHART = Path(__file__).parents[3] / "docs/images/backoff.svg"


def run(stage: Stage, found: Found, rounds: int) -> None:
    """Sweep; the chart is written where WORLDSEAT_CHARTS is set."""
    from sales.models import PresaleCode

    hall = make_hall(stage, seats=1, fans=1)
    region = stage.endpoints[REGIONS[0]]
    codes = [uuid4() for _ in range(max(ROWS))]
    from django.utils import timezone

    now = timezone.now()
    PresaleCode.objects.bulk_create(
        PresaleCode(
            id=code,
            event_id=hall.event,
            code=f"CODE-{number}",
            valid_from=now,
            valid_until=now + timedelta(1),
        )
        for number, code in enumerate(codes)
    )
    counting = _Counting(region.database_url)
    try:
        for _ in stage.rounds(min(rounds, 2)):
            for latency in LATENCIES:
                region.control.set(latency=latency)
                for rows in ROWS:
                    for wait in FIRST_WAITS:
                        size = f"{latency * 1000:g} ms away, {rows} row{'s' * (rows > 1)}"
                        for what, (value, unit) in counting.run(codes[:rows], wait).items():
                            found.add(CASE, _name(wait), what, value, unit, size=size)
    finally:
        region.control.clear()
        counting.close()
    if os.environ.get("WORLDSEAT_CHARTS"):
        CHART.write_text(_chart(found))


def _name(wait: float) -> str:
    return f"first wait {wait * 1000:g} ms"


class _Counting:
    """Buyers who count, each on a connection of its own to a region's endpoint."""

    def __init__(self, database_url: str) -> None:
        from django.db import connections

        from worldseat.dsql.url import database_from_url

        self._alias = "backoff"
        settings = {**connections["default"].settings_dict, **database_from_url(database_url)}
        connections.settings[self._alias] = settings

    def close(self) -> None:
        from django.db import connections

        connections.settings.pop(self._alias, None)

    def run(self, codes: list[UUID], wait: float) -> dict[str, tuple[float, str]]:
        """Let all count; return how long it took, and what it took."""
        from worldseat.dsql import occ

        before, occ.FIRST_WAIT_SECONDS = occ.FIRST_WAIT_SECONDS, wait
        ready = threading.Barrier(BUYERS + 1)
        attempts, failed, longest = [0] * BUYERS, [0] * BUYERS, [0.0] * BUYERS

        def count(buyer: int) -> None:
            from django.db import connections

            connections[self._alias].ensure_connection()
            ready.wait()
            with occ.tally() as counted:
                for _ in range(TIMES):
                    began = perf_counter()
                    try:
                        _bump(self._alias)(codes[buyer % len(codes)])
                    except Exception:
                        failed[buyer] += 1
                    longest[buyer] = max(longest[buyer], perf_counter() - began)
            attempts[buyer] = counted.attempts
            connections[self._alias].close()

        threads = [threading.Thread(target=count, args=[buyer]) for buyer in range(BUYERS)]
        for thread in threads:
            thread.start()
        ready.wait()
        began = perf_counter()
        for thread in threads:
            thread.join()
        occ.FIRST_WAIT_SECONDS = before
        return {
            "all done after": (perf_counter() - began, "s"),
            "runs a success": (sum(attempts) / (BUYERS * TIMES - sum(failed) or 1), ""),
            "the slowest": (max(longest), "s"),
            "given up": (sum(failed), ""),
        }


def _bump(alias: str) -> Callable[[UUID], None]:
    """Return what counts one more under a code, on one alias."""
    from worldseat.dsql.occ import occ_retry
    from worldseat.dsql.pipelines import Statement, begin_with_read, write_at_commit

    read = Statement("bump_read", "SELECT used FROM sales_presalecode WHERE id = $1::uuid")
    write = Statement("bump_write", "UPDATE sales_presalecode SET used = $2 WHERE id = $1")

    @occ_retry(repeatable=True, using=alias)
    def bump(code: UUID) -> None:
        ((used,),) = begin_with_read(read, [code], using=alias)
        write_at_commit([(write, [code, used + 1])], using=alias)

    return bump


_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 560, 300, 60, 40
_COLORS = ("#277da1", "#43aa8b", "#f3722c")


def _chart(found: Found) -> str:
    """Draw the time until all are done over the first wait, a line for each latency and rows."""
    from math import log10

    series = [each for each in found.of(CASE) if each.what == "all done after"]
    sizes = list(dict.fromkeys(each.size for each in series))
    most = max(each.median for each in series)

    def x(wait: float) -> float:
        low, high = log10(FIRST_WAITS[0]), log10(FIRST_WAITS[-1])
        return _LEFT + (log10(wait) - low) / (high - low) * (_WIDTH - _LEFT - 150)

    def y(seconds: float) -> float:
        return _HEIGHT - _BOTTOM - seconds / most * (_HEIGHT - _BOTTOM - 20)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="14">seconds until {BUYERS} buyers have counted {TIMES} times</text>',
        f'<text x="{_LEFT}" y="{_HEIGHT - 8}">first wait, ms</text>',
    ]
    for wait in FIRST_WAITS:
        parts.append(f'<text x="{x(wait) - 5:.0f}" y="{_HEIGHT - 24}">{wait * 1000:g}</text>')
    for tick in range(5):
        value = most * tick / 4
        parts.append(f'<text x="20" y="{y(value) + 4:.0f}">{value:.1f}</text>')
        parts.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - 150}" y1="{y(value):.0f}" y2="{y(value):.0f}" '
            'stroke="#ddd"/>'
        )
    ends: list[float] = []
    for number, size in enumerate(sizes):
        medians = [
            (wait, each.median)
            for wait in FIRST_WAITS
            if (each := found.get(CASE, _name(wait), "all done after", size=size))
        ]
        line = " ".join(f"{x(wait):.0f},{y(value):.0f}" for wait, value in medians)
        color, dashed = _COLORS[number // len(ROWS)], number % len(ROWS)
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2"'
            + ' stroke-dasharray="5 3"' * dashed
            + "/>"
        )
        end = y(medians[-1][1]) + 4
        while any(abs(end - other) < 12 for other in ends):  # beside another line's name
            end -= 1
        ends.append(end)
        parts.append(f'<text x="{_WIDTH - 145}" y="{end:.0f}" fill="{color}">{size}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
