"""What was measured: a value for each round, and what follows from several of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

__all__ = ["Bar", "Found", "Series", "ratio"]


@dataclass
class Series:
    """One thing measured in one case, a value a round: `what` of `who` at a size."""

    case: str
    who: str
    what: str
    unit: str
    size: str = ""
    values: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Return the value in the middle."""
        return median(self.values)

    def text(self) -> str:
        """Return it as a table shows it: the median, and the range where there is one."""
        shown = f"{rounded(self.median)}"
        if len(self.values) > 1 and min(self.values) != max(self.values):
            shown += f" ({rounded(min(self.values))} to {rounded(max(self.values))})"
        return shown

    def described(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            **asdict(self),
            "median": self.median,
            "least": min(self.values),
            "most": max(self.values),
        }


@dataclass(frozen=True)
class Bar:
    """What the product has to reach, what it reached, and why not if it did not."""

    case: str
    wanted: str
    measured: str
    met: bool


@dataclass
class Found:
    """All that the cases found."""

    series: dict[tuple[str, str, str, str], Series] = field(default_factory=dict)
    bars: list[Bar] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)

    def add(
        self, case: str, who: str, what: str, value: float, unit: str, *, size: str = ""
    ) -> None:
        """Note a value of one round."""
        key = (case, size, who, what)
        known = self.series.setdefault(key, Series(case, who, what, unit, size))
        known.values.append(value)

    def get(self, case: str, who: str, what: str, *, size: str = "") -> Series | None:
        """Return what was measured, None where nothing was."""
        return self.series.get((case, size, who, what))

    def bar(self, case: str, wanted: str, measured: str, *, met: bool) -> None:
        """Hold what was found against what is wanted."""
        self.bars.append(Bar(case, wanted, measured, met))

    def of(self, case: str) -> list[Series]:
        """Return what one case measured."""
        return [each for each in self.series.values() if each.case == case]


def ratio(ours: Series | None, floor: Series | None) -> list[float]:
    """Divide round by round: what ran in the same minute is compared with itself."""
    if ours is None or floor is None:
        return []
    pairs: Iterable[tuple[float, float]] = zip(ours.values, floor.values, strict=False)
    return [one / other for one, other in pairs if other]


def rounded(value: float) -> str:
    """Return a number with as many digits as mean something."""
    if value == int(value) and abs(value) < 1e6:
        return f"{int(value):,}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"
