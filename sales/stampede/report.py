"""The report of a stampede: counts, retries, latencies, and the witness's verdict."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sales.models import Attempt, Outcome, Stampede, StampedeRegion
from sales.stampede.buyers import STOPPED_BY_INDEX
from sales.stampede.contenders import contender_named
from sales.stampede.evidence import gather_evidence
from sales.stampede.options import options_of
from sales.stampede.room import report_room
from sales.stampede.surroundings import surroundings
from sales.stampede.witness import judge

__all__ = ["build_report", "nearest_rank", "oversold_so_far", "summarise"]


def build_report(stampede: Stampede, shares: Sequence[StampedeRegion]) -> dict[str, Any]:
    """Return the report as JSON has it; reads the attempts and calls the witness.

    Times are milliseconds, as a buyer measures them: from when she asks to when she is told,
    with every retry and wait between. The whole takes from the first start to the last end.
    """
    attempts = list(Attempt.objects.filter(stampede=stampede).order_by("number"))
    evidence, options = gather_evidence(stampede), options_of(stampede)
    contender, verdict = contender_named(stampede.contender), judge(evidence)
    regions = {
        share.region: _report_share(
            stampede, share, [each for each in attempts if each.region == share.region]
        )
        for share in shares
    }
    return {
        "id": str(stampede.pk),
        "event": stampede.event.name,
        "seat": stampede.seat.label if stampede.seat else "",
        "aim": stampede.aim,
        "contender": contender.name,
        "title": contender.title,
        "store": contender.describe(options),
        "shape": stampede.shape,
        "options": stampede.options,
        "seats": len(evidence.seats),
        "currency": stampede.event.currency,
        "buyers": stampede.buyers,
        "state": stampede.state,
        "started_at": _iso(stampede.starts_at),
        **summarise(attempts),
        "oversold": verdict.oversold,
        "oversold_minor": verdict.oversold_minor,
        # Only where there is that index, and its error reaches the buyer.
        "index_stops": _index_stops(attempts) if contender.name in _INDEXED else None,
        "duration_ms": _duration_ms(attempts),
        "waiting_room": report_room(stampede, [each.fan_id for each in attempts]),
        "regions": regions,
        "witness": verdict.as_dict(),
        "surroundings": surroundings(),
        "notes": [note for region in regions.values() for note in region["notes"]],
    }


_INDEXED = ("dsql", "dsql-holds")


def _index_stops(attempts: Iterable[Attempt]) -> int:
    """Count whom the unique index stopped from a second ticket, and not the isolation."""
    return sum(each.detail.startswith(STOPPED_BY_INDEX) for each in attempts)


def summarise(attempts: Sequence[Attempt]) -> dict[str, Any]:
    """Count outcomes and retries, and rank latencies; `missing` were told nothing.

    `attempts` and `conflicts` are what @occ_retry counted: an attempt is one run of the
    transaction, a retry is every run after the first that she made for a seat.
    """
    outcomes = Counter(attempt.outcome for attempt in attempts)
    latencies = sorted(
        _milliseconds(each.started_at, each.finished_at)
        for each in attempts
        if each.started_at and each.finished_at
    )
    return {
        "confirmed": outcomes[Outcome.CONFIRMED],
        "rejected": outcomes[Outcome.REJECTED],
        "errors": outcomes[Outcome.ERROR],
        "unknown": outcomes[Outcome.UNKNOWN],
        "missing": outcomes[Outcome.PENDING],
        "retries": sum(max(each.attempts - max(each.choices, 1), 0) for each in attempts),
        "max_attempts": max((each.attempts for each in attempts), default=0),
        "conflicts": sum(each.conflicts for each in attempts),
        "p50_ms": nearest_rank(latencies, 50),
        "p99_ms": nearest_rank(latencies, 99),
    }


def oversold_so_far(attempts: Sequence[Attempt]) -> int:
    """Count how many were told yes of a seat that somebody else was told yes of."""
    told = Counter(each.seat_id for each in attempts if each.outcome == Outcome.CONFIRMED)
    return sum(times - 1 for times in told.values())


def nearest_rank(ordered: Sequence[float], percent: int) -> float | None:
    """Return a percentile by nearest rank: the least value that `percent` % do not exceed.

    `ordered` is sorted; the result is always one of its values, None if there are none.
    """
    if not ordered:
        return None
    return ordered[math.ceil(percent * len(ordered) / 100) - 1]


def _report_share(
    stampede: Stampede, share: StampedeRegion, attempts: Sequence[Attempt]
) -> dict[str, Any]:
    summary = summarise(attempts)
    # Buyers who wait in a room start when they are let in: that tells nothing of the region.
    waits = options_of(stampede).waiting_room
    late_ms = None if waits else _late_ms(stampede.starts_at, attempts)
    return {
        **summary,
        "buyers": share.buyers,
        "duration_ms": _duration_ms(attempts),
        "worker": share.worker,
        "finished": bool(share.finished_at),
        "late_ms": late_ms,
        "notes": list(_notes(share, summary["missing"], late_ms)),
    }


# More than this after the agreed instant, a region did not start with the others.
_LATE_MS = 250.0


def _notes(share: StampedeRegion, missing: int, late_ms: float | None) -> Iterable[str]:
    if not share.worker:
        yield (
            f"{share.region}: no worker took part, so its {share.buyers} buyers never came. "
            f"Is a worker of that region running?"
        )
    elif not share.finished_at:
        yield (
            f"{share.region}: the worker {share.worker} gave its last sign of life at "
            f"{_iso(share.seen_at)}; {missing} of its {share.buyers} buyers have no outcome."
        )
    if late_ms is not None and late_ms > _LATE_MS:
        yield f"{share.region}: its buyers started {late_ms:.0f} ms after the agreed instant."


def _late_ms(starts_at: datetime | None, attempts: Iterable[Attempt]) -> float | None:
    """Return how long after the agreed instant the first buyer started."""
    starts = [each.started_at for each in attempts if each.started_at]
    return _milliseconds(starts_at, min(starts)) if starts_at and starts else None


def _duration_ms(attempts: Iterable[Attempt]) -> float:
    ran = [(each.started_at, each.finished_at) for each in attempts]
    spans = [(start, end) for start, end in ran if start and end]
    if not spans:
        return 0.0
    return _milliseconds(min(start for start, _ in spans), max(end for _, end in spans))


def _milliseconds(start: datetime, end: datetime) -> float:
    return round((end - start).total_seconds() * 1000, 1)


def _iso(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None
