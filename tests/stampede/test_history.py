"""Which histories of a seat have an order, and which two attempts show that one has none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from sales.models import Outcome
from sales.stampede import evidence
from sales.stampede.history import contradictions

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
YES, NO, UNKNOWN, PENDING = (
    Outcome.CONFIRMED,
    Outcome.REJECTED,
    Outcome.UNKNOWN,
    Outcome.PENDING,
)
Attempt = tuple[Outcome, float | None, float | None]


def _told(number: int, attempt: Attempt, detail: str = "") -> evidence.Testimony:
    outcome, start, end = attempt
    return evidence.Testimony(
        number=number,
        region="us-east-1",
        fan_id=uuid4(),
        seat_id=uuid4(),
        outcome=outcome,
        detail=detail,
        started_at=None if start is None else NOON + timedelta(seconds=start),
        finished_at=None if end is None else NOON + timedelta(seconds=end),
    )


def _pairs(*attempts: Attempt, others: bool = False) -> list[tuple[int, int | None]]:
    told = [_told(number, each) for number, each in enumerate(attempts, start=1)]
    found = contradictions(told, taken_by_others=others)
    return [(one.number, other.number if other else None) for one, other, _ in found]


@pytest.mark.parametrize(
    "attempts",
    [
        [(YES, 0, 2), (NO, 1, 3)],
        # Refused before the winner was told: she may have been first all the same.
        [(YES, 0, 9), (NO, 1, 2)],
        [(NO, 0, 5), (YES, 4, 6)],
        [(UNKNOWN, 0, 1), (NO, 2, 3)],  # the unknown one took it
        [(UNKNOWN, 5, 6), (NO, 4, 7)],
        [(PENDING, None, None), (NO, 2, 3)],  # her worker died, nobody knows when
        [(YES, 0, 1), (UNKNOWN, 0, 1), (NO, 1, 2)],
        [],
    ],
)
def test_finds_an_order(attempts: list[Attempt]) -> None:
    assert _pairs(*attempts) == []


@pytest.mark.parametrize(
    ("attempts", "pairs"),
    [
        ([(YES, 0, 1), (NO, 0, 2), (YES, 3, 4)], [(1, 3)]),
        ([(YES, 0, 9), (YES, 1, 2), (YES, 3, 4)], [(1, 2), (1, 3)]),
        # Refused a seat that was still free: the winner had not begun.
        ([(NO, 0, 1), (YES, 2, 3)], [(1, 2)]),
        ([(NO, 0, 1), (YES, 2, 3), (UNKNOWN, 0, 9)], [(1, 2)]),
        ([(NO, 0, 1)], [(1, None)]),
        ([(NO, 0, 1), (UNKNOWN, 2, 3)], [(1, None)]),
    ],
)
def test_shows_the_two_that_have_none(
    attempts: list[Attempt], pairs: list[tuple[int, int | None]]
) -> None:
    assert _pairs(*attempts) == pairs


def test_blames_nobody_where_an_outsider_has_the_seat() -> None:
    assert _pairs((NO, 0, 1), (NO, 2, 3), others=True) == []


def test_leaves_out_who_was_refused_for_another_reason() -> None:
    told = [_told(1, (NO, 0, 1), "The sale is paused."), _told(2, (YES, 2, 3))]
    assert list(contradictions(told)) == []


def test_says_when_the_two_ran() -> None:
    ((_, _, text),) = contradictions([_told(1, (YES, 0, 1.5)), _told(2, (YES, 1, 2))])
    assert text == (
        "buyer 1 (us-east-1) [12:00:00.000000 to 12:00:01.500000] and "
        "buyer 2 (us-east-1) [12:00:01.000000 to 12:00:02.000000] were both told yes."
    )
