"""Stampedes: planned, or written down as they would have ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sales.models import Attempt, Outcome, Seat, Stampede, StampedeRegion, StampedeState
from sales.stampede.report import build_report
from tests.helpers.cast import make_fans

Plan = Callable[..., Stampede]

NO, YES, WAITS = Outcome.REJECTED, Outcome.CONFIRMED, Outcome.PENDING


def make_run(
    seat: Seat, now: datetime, *, told: list[Outcome], over: bool = True, why: str = ""
) -> Stampede:
    """Write down a stampede whose buyers were told this, each after one attempt more."""
    stampede = Stampede.objects.create(
        event=seat.event,
        seat=seat,
        buyers=len(told),
        state=StampedeState.FINISHED if over else StampedeState.RUNNING,
        created_at=now,
        starts_at=now,
    )
    for region in ("us-east-1", "us-east-2"):
        StampedeRegion.objects.create(stampede=stampede, region=region, buyers=len(told) // 2)
    for number, (fan, outcome) in enumerate(zip(make_fans(len(told)), told, strict=True), start=1):
        pending = outcome == Outcome.PENDING
        Attempt.objects.create(
            stampede=stampede,
            region=f"us-east-{2 - number % 2}",
            number=number,
            fan=fan,
            outcome=outcome,
            detail=why,
            attempts=0 if pending else number,
            started_at=None if pending else now + timedelta(milliseconds=number),
            finished_at=None if pending else now + timedelta(milliseconds=100 * number),
        )
    if over:
        stampede.report = build_report(stampede, list(stampede.regions.all()))
        stampede.save()
    return stampede
