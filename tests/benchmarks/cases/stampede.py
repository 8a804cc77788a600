"""Case 8: what a stampede adds to its buyers: planned, started together, recorded, judged."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import uuid4

from tests.benchmarks.figures import Found
from tests.benchmarks.halls import Hall, make_hall, unsell
from tests.benchmarks.stage import Stage, made_id

CASE = "stampede"
TITLE = "A stampede's own part: the same buyers at one seat, alone and in a stampede of one region"
BUYERS = (60, 500)
ALONE, PLANNED, RUN = "the buyers alone", "a stampede, planned", "a stampede, run and judged"


def run(stage: Stage, found: Found, rounds: int) -> None:
    """Buy with and without a stampede around, round after round."""
    hall = make_hall(stage, seats=1, fans=max(BUYERS))
    for _ in stage.rounds(rounds):
        for buyers in BUYERS:
            measure = partial(_measure, stage, found, buyers)
            unsell(stage)
            measure(ALONE, partial(_buy, hall, buyers))
            planned = measure(PLANNED, partial(_plan, buyers))
            measure(RUN, partial(_run, planned))
    _note_overhead(found)


def _measure(stage: Stage, found: Found, buyers: int, who: str, work: Callable[[], Any]) -> Any:
    database, began, ours = stage.database_cpu(), time.monotonic(), time.process_time()
    told = work()
    for what, seconds in (
        ("took", time.monotonic() - began),
        ("process", time.process_time() - ours),
        ("database", stage.database_cpu().since(database)),
    ):
        unit = "ms a buyer" if what == "took" else "ms CPU a buyer"
        found.add(CASE, who, what, seconds / buyers * 1000, unit, size=f"{buyers} buyers")
    return told


def _buy(hall: Hall, buyers: int) -> None:
    """Let as many buy as a stampede would, as many at once, and keep nothing of it."""
    from sales.models import Outcome
    from sales.stampede.buyers import Wish
    from sales.stampede.runner import CONNECTIONS

    wishes = [
        Wish(
            attempt_id=uuid4(),
            event_id=hall.event,
            seat_id=made_id(f"seat{hall.first}"),
            fan_id=made_id(f"fan{at}"),
            region="us-east-1",
        )
        for at in range(buyers)
    ]
    with ThreadPoolExecutor(min(buyers, CONNECTIONS)) as pool:
        told = list(pool.map(_told, wishes))
        list(pool.map(lambda _: _leave(), range(CONNECTIONS)))
    assert told.count(Outcome.CONFIRMED) == 1, told


def _told(wish: Any) -> Any:
    from django.utils import timezone

    from accounts.scopes import everywhere
    from sales.stampede.buyers import buy

    with everywhere():
        return buy(wish, timezone.now()).outcome


def _leave() -> None:
    from django.db import connection

    connection.close()


def _plan(buyers: int) -> Any:
    from django.conf import settings
    from django.utils import timezone

    from sales.stampede.plan import plan_stampede
    from tests.helpers.cast import make_event, make_organisation

    name = uuid4().hex[:10]
    event = make_event(make_organisation(name), name=name, is_simulation=True)
    return plan_stampede(
        event_id=event.pk,
        seat_id=event.seats.get(guid="Floor-A-1").pk,
        buyers=buyers,
        regions=[settings.REGION],
        started_by=None,
        now=timezone.now(),
    )


def _run(stampede: Any) -> None:
    from django.conf import settings
    from django.utils import timezone

    from sales.models import Stampede, StampedeState
    from sales.stampede.runner import run_share
    from sales.stampede.settling import start_stampede

    start_stampede(stampede_id=stampede, now=timezone.now())
    assert run_share(stampede_id=stampede, region=settings.REGION)
    assert Stampede.objects.get(pk=stampede).state == StampedeState.FINISHED


def _note_overhead(found: Found) -> None:
    for buyers in BUYERS:
        size = f"{buyers} buyers"
        parts = {
            who: sum(
                each.median
                for what in ("process", "database")
                if (each := found.get(CASE, who, what, size=size))
            )
            for who in (ALONE, PLANNED, RUN)
        }
        found.notes[f"{CASE}, {size}"] = (
            f"its own part is {parts[PLANNED] + parts[RUN] - parts[ALONE]:.1f} ms CPU a buyer, "
            f"beside {parts[ALONE]:.1f} of the purchase"
        )
