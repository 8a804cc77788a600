"""Is the history of a seat linearizable?

A seat is a thing that is taken once. Each attempt is an operation with a start and an end. If the
store is right, there is one instant inside each attempt at which it might have happened alone, so
that in the order of these instants the seat is free until one attempt takes it, and taken after.
For such a thing two rules are enough (Herlihy and Wing, 1990):

- One attempt at most was told yes.
- Who was refused because the seat was taken was not told so before the one who got it had begun:
  then it was still free for certain. An attempt that nobody has an answer of may have taken the
  seat only if no other did.

Times of two regions are compared, so clocks that differ by more than an attempt lasts would make
a violation, or hide one; the regions of a local run share one clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from sales.models import Outcome
from sales.stampede.evidence import Testimony

__all__ = ["contradictions"]


def contradictions(
    attempts: Sequence[Testimony], *, taken_by_others: bool = False
) -> Iterator[tuple[Testimony, Testimony | None, str]]:
    """Yield what no order of a seat's attempts explains: two attempts, and a sentence.

    The second attempt is None where somebody was refused a seat that nobody took.
    `taken_by_others`: somebody who took no part has it, at a time that nobody knows.
    """
    ran = sorted((each for each in attempts if each.started_at and each.finished_at), key=_started)
    winners = [each for each in ran if each.outcome == Outcome.CONFIRMED]
    refused = [each for each in ran if each.outcome == Outcome.REJECTED and not each.detail]
    for later in winners[1:]:
        first = winners[0]
        yield first, later, f"{_tell(first)} and {_tell(later)} were both told yes."
    if winners and not taken_by_others:
        yield from _refused_too_early(refused, winners[0])
    if not winners and not taken_by_others:
        yield from _refused_for_nobody(refused, attempts)


def _refused_too_early(
    refused: Sequence[Testimony], winner: Testimony
) -> Iterator[tuple[Testimony, Testimony, str]]:
    for each in refused:
        if _finished(each) < _started(winner):
            yield (
                each,
                winner,
                f"{_tell(each)} was refused before {_tell(winner)} began, who then got it.",
            )


def _refused_for_nobody(
    refused: Sequence[Testimony], attempts: Sequence[Testimony]
) -> Iterator[tuple[Testimony, None, str]]:
    """Find who was refused before anybody began who may have taken the seat."""
    unanswered = {Outcome.PENDING, Outcome.UNKNOWN}
    # One whose worker died has no start on record: it may have begun at any time.
    begun = [each.started_at for each in attempts if each.outcome in unanswered]
    if None in begun:
        return
    earliest = min((at for at in begun if at), default=None)
    for each in refused:
        if earliest is None or _finished(each) < earliest:
            yield each, None, f"{_tell(each)} was refused, and nobody had taken the seat."


def _started(each: Testimony) -> datetime:
    assert each.started_at is not None  # noqa: S101  only those that ran are asked
    return each.started_at


def _finished(each: Testimony) -> datetime:
    assert each.finished_at is not None  # noqa: S101  only those that ran are asked
    return each.finished_at


def _tell(each: Testimony) -> str:
    return f"{each} [{_clock(_started(each))} to {_clock(_finished(each))}]"


def _clock(at: datetime) -> str:
    return f"{at:%H:%M:%S.%f}"
