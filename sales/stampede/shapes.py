"""Who wants what, and when she comes: all chance of a plan, drawn from one seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from uuid import UUID

from sales.models import Shape
from sales.stampede.options import Options

__all__ = ["arrivals", "choose_again", "deal", "first_choices"]

# A rush begins with a jump: so many come at once, the others ever more thinly.
_JUMP = 0.2
_DECAY = 4.0


def deal(regions: Sequence[str], buyers: int, options: Options) -> list[str]:
    """Return each buyer's region: dealt in turn, by the regions' weights."""
    weights = {region: options.shares.get(region, 1.0) for region in regions}
    whole = sum(weights.values())
    given = dict.fromkeys(regions, 0)
    dealt = []
    for number in range(1, buyers + 1):
        next_one = max(regions, key=lambda each: weights[each] * number / whole - given[each])
        given[next_one] += 1
        dealt.append(next_one)
    return dealt


def arrivals(buyers: int, options: Options) -> list[int]:
    """Return how many milliseconds after the start each buyer asks: arrival and thinking."""
    chance = Random(f"arrivals {options.seed}")  # noqa: S311  no secret
    rush_ms = options.rush_ms if options.shape == Shape.RUSH else 0
    return [
        round(_arrive(chance) * rush_ms + chance.random() * options.think_ms) for _ in range(buyers)
    ]


def _arrive(chance: Random) -> float:
    """Draw a time from 0 to 1: the jump, or a point of an exponential decay."""
    if chance.random() < _JUMP:
        return 0.0
    return -math.log(1 - chance.random() * (1 - math.exp(-_DECAY))) / _DECAY


def first_choices(
    seats: Sequence[UUID], buyers: int, seat_id: UUID | None, options: Options
) -> list[UUID | None]:
    """Return the seat that each buyer wants first; None: whichever is best when she comes."""
    if seat_id is not None:
        return [seat_id] * buyers
    if options.shape == Shape.SPREAD:
        return list(seats[:buyers])
    if options.shape == Shape.BEST_AVAILABLE:
        return [None] * buyers
    chance = Random(f"seats {options.seed}")  # noqa: S311  no secret
    return [chance.choice(seats) for _ in range(buyers)]


def choose_again(free: Sequence[UUID], options: Options, *, who: UUID, choice: int) -> UUID | None:
    """Return the seat that a buyer takes next of those that she sees free; None: she goes.

    Best available is the first in the plan's order, and so what everybody else wants as well.
    """
    if not free:
        return None
    if options.shape == Shape.BEST_AVAILABLE:
        return free[0]
    return Random(f"{options.seed} {who} {choice}").choice(free)  # noqa: S311  no secret
