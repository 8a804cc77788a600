"""Charts of a stampede: the geometry that the templates draw as SVG."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sales.models import Attempt, Outcome

__all__ = ["Bar", "Lane", "Timeline", "histogram", "timeline"]

# The drawing is this wide in its own units and stretches to the page.
WIDTH = 1000.0
_TALLEST_BAR, _LOWEST_BAR, _USUAL_HEIGHT = 9.0, 0.2, 420.0
# Above so many attempts the bars are too thin to point at.
_MOST_TITLES = 500


@dataclass(frozen=True)
class Bar:
    """One attempt: from its start to its end on the time axis."""

    x: float
    y: float
    width: float
    height: float
    outcome: str
    title: str


@dataclass(frozen=True)
class Lane:
    """One region's attempts, drawn below each other in the order they ended."""

    region: str
    height: float
    bars: list[Bar]


@dataclass(frozen=True)
class Timeline:
    """All regions on one time axis; `ticks` are evenly spread from zero to its end."""

    lanes: list[Lane]
    ticks: list[str]
    width: float = WIDTH


def timeline(attempts: Sequence[Attempt], *, starts_at: datetime | None) -> Timeline | None:
    """Lay out the attempts that have ended as bars; None if there are none yet."""
    ran = [(a, a.started_at, a.finished_at) for a in attempts if a.started_at and a.finished_at]
    spans = [(a, start, end) for a, start, end in ran if start and end]
    if not spans:
        return None
    zero = min(start for _, start, _ in spans)
    zero = min(zero, starts_at) if starts_at else zero
    end_ms = max(_ms(zero, end) for _, _, end in spans)
    step = _nice_step(end_ms)
    total = math.ceil(max(end_ms, step) / step) * step
    height = min(_TALLEST_BAR, max(_LOWEST_BAR, _USUAL_HEIGHT / len(spans)))
    lanes = []
    for region in sorted({a.region for a, _, _ in spans}):
        here = sorted((s for s in spans if s[0].region == region), key=lambda s: (s[2], s[1]))
        bars = [
            _bar(attempt, (_ms(zero, start), _ms(zero, end)), total, (y * height, height))
            for y, (attempt, start, end) in enumerate(here)
        ]
        if len(spans) > _MOST_TITLES:
            bars = [Bar(b.x, b.y, b.width, b.height, b.outcome, "") for b in bars]
        lanes.append(Lane(region, round(len(bars) * height, 1), bars))
    ticks = [_tick(at * step, total) for at in range(round(total / step) + 1)]
    return Timeline(lanes, ticks)


def _bar(
    attempt: Attempt, span: tuple[float, float], total: float, place: tuple[float, float]
) -> Bar:
    start, end = span
    y, height = place
    times = "attempt" if attempt.attempts == 1 else "attempts"
    return Bar(
        x=round(start / total * WIDTH, 1),
        y=round(y, 2),
        width=max(round((end - start) / total * WIDTH, 1), 2.0),
        height=round(height * (0.78 if height > 2 else 1), 2),
        outcome=attempt.outcome,
        title=(
            f"Buyer {attempt.number}: {attempt.get_outcome_display().lower()} after "
            f"{attempt.attempts} {times}, {start:.0f} to {end:.0f} ms"
        ),
    )


def _ms(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds() * 1000


def _nice_step(total: float) -> float:
    """Return 1, 2 or 5 times a power of ten, so that at most five steps make `total`."""
    least = max(total, 1.0) / 5
    power = 10.0 ** math.floor(math.log10(least))
    return next(n * power for n in (1, 2, 5, 10) if n * power >= least * (1 - 1e-9))


def _tick(ms: float, total: float) -> str:
    return f"{ms / 1000:g} s" if total >= 1000 else f"{ms:g} ms"


@dataclass(frozen=True)
class Column:
    """How many buyers needed so many attempts; `width` is its share of the longest."""

    attempts: int
    buyers: int
    width: float


def histogram(attempts: Sequence[Attempt]) -> list[Column]:
    """Count the buyers by the attempts they needed, from one to the most."""
    counts = Counter(a.attempts for a in attempts if a.outcome != Outcome.PENDING and a.attempts)
    if not counts:
        return []
    most = max(counts.values())
    return [
        Column(n, counts[n], round(counts[n] / most * 100, 1)) for n in range(1, max(counts) + 1)
    ]
