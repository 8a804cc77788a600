"""Charts as SVG, drawn here: their geometry, which the templates put into elements.

Each has a table beside it that says the same in numbers; without a script, and under a policy
that allows no style but the sheet's, they look the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sales.back_office.live import CategoryLine

__all__ = ["Bar", "Column", "Columns", "bars", "columns", "nice_ceiling"]

# The drawing is this wide and high in its own units, and stretches to the page.
WIDTH, HEIGHT = 1000.0, 160.0


@dataclass(frozen=True)
class Column:
    """One column: its place, and what it says when it is pointed at."""

    x: float
    y: float
    width: float
    height: float
    title: str
    value: float
    is_below: bool = False


@dataclass(frozen=True)
class Columns:
    """Columns side by side on one base line; `top` and `bottom` are the ends of the scale."""

    columns: Sequence[Column]
    labels: Sequence[str]
    top: float
    bottom: float
    base: float
    unit: str
    width: float = WIDTH
    height: float = HEIGHT


def columns(values: Sequence[tuple[str, float, str]], *, unit: str = "") -> Columns | None:
    """Lay out (label, value, title) as columns; None for none. Values may be negative."""
    if not values:
        return None
    top = nice_ceiling(max(max(value for _, value, _ in values), 0))
    lowest = min(min(value for _, value, _ in values), 0)
    bottom = -nice_ceiling(-lowest) if lowest < 0 else 0.0
    span = (top - bottom) or 1.0
    base = top / span * HEIGHT
    step = WIDTH / len(values)
    bars = [
        Column(
            x=round(at * step + step * 0.1, 2),
            y=round(base - max(value, 0) / span * HEIGHT, 2),
            width=round(step * 0.8, 2),
            height=round(abs(value) / span * HEIGHT, 2),
            title=title,
            value=value,
            is_below=value < 0,
        )
        for at, (_, value, title) in enumerate(values)
    ]
    labels = [values[0][0], values[len(values) // 2][0], values[-1][0]]
    return Columns(bars, list(dict.fromkeys(labels)), top, bottom, round(base, 2), unit)


def nice_ceiling(value: float) -> float:
    """Return 1, 2 or 5 times a power of ten that is not below a value; 1 for nothing."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return float(next(n * power for n in (1, 2, 5, 10) if n * power >= value * (1 - 1e-9)))


@dataclass(frozen=True)
class Bar:
    """A category's seats side by side: where each status begins, and how wide it is."""

    line: CategoryLine
    pieces: Sequence[tuple[str, float, float, int]]


def bars(lines: Sequence[CategoryLine]) -> list[Bar]:
    """Lay out each category's seats as (status, x, width, number), sold ones first."""
    found = []
    for line in lines:
        pieces, x = [], 0.0
        for status in ("sold", "held", "available", "blocked"):
            number = getattr(line, status)
            width = number / line.seats * WIDTH if line.seats else 0.0
            pieces.append((status, round(x, 2), round(width, 2), number))
            x += width
        found.append(Bar(line, pieces))
    return found
