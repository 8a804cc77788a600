"""How a stampede is to run: kept with it, whole, so that anybody can repeat it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from sales.models import Shape, Stampede

__all__ = ["LAG_MS", "RUSH_MS", "Options", "options_of"]

# Between us-east-1 and us-east-2 a round trip takes about 12 ms, and AWS states a replication of
# global tables of "usually a second or less": this is on the quick side.
LAG_MS = 100
# How long after the jump a rush lasts.
RUSH_MS = 5000


@dataclass(frozen=True, kw_only=True)
class Options:
    """What differs from one stampede to another, beside its event and its buyers.

    shares     a region's weight among the buyers; who is not named weighs 1
    think_ms   how long a buyer thinks before she buys, at most; drawn for each
    rush_ms    within which time after the start the buyers of a rush come
    seed       what all chance comes from: the same seed makes the same plan
    lag_ms     how late a stand-in's regions hear of each other
    faults     what is to go wrong, as `--fault` takes it
    addresses  where a contender's servers are, by region
    aws        real tables in the account of the credentials, no stand-in
    waiting_room    buyers first wait for their pass, so many are let in a minute; 0: they do not
    """

    contender: str = "dsql"
    shape: str = Shape.ONE_SEAT
    shares: Mapping[str, float] = field(default_factory=dict)
    think_ms: int = 0
    rush_ms: int = RUSH_MS
    seed: int = 0
    lag_ms: int = LAG_MS
    faults: Sequence[str] = ()
    addresses: Mapping[str, str] = field(default_factory=dict)
    aws: bool = False
    waiting_room: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return them as JSON has them."""
        return {**asdict(self), "shape": str(self.shape), "faults": list(self.faults)}


def options_of(stampede: Stampede) -> Options:
    """Return the options that a stampede was planned with."""
    known = {each.name for each in fields(Options)}
    return Options(**{name: value for name, value in stampede.options.items() if name in known})
