"""The report's arithmetic, on attempts whose numbers are known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sales.models import Attempt, Outcome, Stampede
from sales.stampede.buyers import STOPPED_BY_INDEX
from sales.stampede.progress import progress_of
from sales.stampede.report import build_report, nearest_rank, summarise
from tests.helpers.stampedes import Plan

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


_DESCRIPTIONS = {
    *("id", "regions", "notes", "surroundings", "aim", "contender", "title", "store", "shape"),
    *("options", "seats", "currency"),
}


def _ms(milliseconds: float) -> timedelta:
    return timedelta(milliseconds=milliseconds)


def _tell(
    stampede: Stampede,
    number: int,
    outcome: Outcome,
    *,
    took: float,
    start: float = 0,
    attempts: int = 1,
    conflicts: int = 0,
) -> None:
    Attempt.objects.filter(stampede=stampede, number=number).update(
        outcome=outcome,
        attempts=attempts,
        conflicts=conflicts,
        started_at=NOON + _ms(start),
        finished_at=NOON + _ms(start + took),
    )


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([], 50, None),
        ([7.0], 50, 7.0),
        ([7.0], 99, 7.0),
        ([1.0, 2.0], 50, 1.0),
        ([1.0, 2.0, 3.0], 50, 2.0),
        ([float(n) for n in range(1, 101)], 50, 50.0),
        ([float(n) for n in range(1, 101)], 99, 99.0),
        ([float(n) for n in range(1, 202)], 99, 199.0),
    ],
)
def test_takes_percentiles_by_nearest_rank(
    values: list[float], percent: int, expected: float | None
) -> None:
    assert nearest_rank(values, percent) == expected


def test_adds_up_the_regions_and_the_whole(plan: Plan) -> None:
    planned = plan(buyers=6)  # odd numbers in us-east-1, even ones in us-east-2
    planned.starts_at = NOON
    _tell(planned, 1, Outcome.REJECTED, start=2, took=10, attempts=3, conflicts=2)
    _tell(planned, 2, Outcome.REJECTED, start=400, took=20)
    _tell(planned, 3, Outcome.ERROR, start=3, took=30, attempts=12, conflicts=12)
    _tell(planned, 4, Outcome.UNKNOWN, start=401, took=40.25, attempts=2)
    _tell(planned, 5, Outcome.REJECTED, start=4, took=50)
    planned.attempts.filter(number=3).update(detail=f"{STOPPED_BY_INDEX}: IntegrityError")
    report = build_report(planned, list(planned.regions.order_by("region")))
    shown = {key: value for key, value in report.items() if key not in _DESCRIPTIONS}
    assert shown == {
        "event": "Rush",
        "seat": "A-1",
        "buyers": 6,
        "state": "planned",
        "started_at": NOON.isoformat(),
        "confirmed": 0,
        "rejected": 3,
        "errors": 1,
        "unknown": 1,
        "missing": 1,
        "retries": 2 + 0 + 11 + 1 + 0,
        "max_attempts": 12,
        "conflicts": 14,
        "p50_ms": 30.0,
        "p99_ms": 50.0,
        "oversold": 0,
        "oversold_minor": 0,
        "index_stops": 1,
        "duration_ms": 439.2,
        "waiting_room": None,
        "witness": {
            "agree": True,
            "tickets": 0,
            "seats_sold": 0,
            "told_confirmed": 0,
            "violation_count": 0,
            "violations": [],
        },
    }
    first, second = report["regions"]["us-east-1"], report["regions"]["us-east-2"]
    assert (first["buyers"], first["rejected"], first["errors"]) == (3, 2, 1)
    assert (first["retries"], first["max_attempts"], first["late_ms"]) == (13, 12, 2.0)
    assert (first["p50_ms"], first["p99_ms"], first["duration_ms"]) == (30.0, 50.0, 52.0)
    assert (second["unknown"], second["missing"], second["late_ms"]) == (1, 1, 400.0)
    assert "us-east-2: its buyers started 400 ms after the agreed instant." in report["notes"]


def test_has_no_latencies_where_nobody_came(plan: Plan) -> None:
    summary = summarise(list(plan().attempts.all()))
    assert (summary["p50_ms"], summary["p99_ms"]) == (None, None)
    assert (summary["max_attempts"], summary["retries"]) == (0, 0)


def test_counts_live_progress_as_the_report_does(plan: Plan) -> None:
    planned = plan(buyers=6)
    _tell(planned, 1, Outcome.REJECTED, took=10, attempts=3, conflicts=2)
    _tell(planned, 2, Outcome.CONFIRMED, took=20, attempts=1)
    _tell(planned, 3, Outcome.ERROR, took=20, attempts=0)
    _tell(planned, 4, Outcome.UNKNOWN, took=20, attempts=2)
    now = progress_of(planned.pk)
    assert (now.buyers, now.done) == (6, 4)
    assert (now.confirmed, now.rejected, now.failed) == (1, 1, 2)
    assert (now.retries, now.conflicts) == (3, 2)
