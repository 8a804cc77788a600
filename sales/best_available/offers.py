"""What buyers who come together are offered: a different block each, of about the same worth.

Everybody who looks at one copy of the occupancy sees the same blocks, and all would take the
best. So each draws a number, how many seats were offered from this copy before, and gets the
block that far down the list; the regions, which count for themselves, take turns in it. Who
loses all the same picks at random, from more blocks each time.
"""

from __future__ import annotations

import random
import threading
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.core.cache import cache
from redis.exceptions import RedisError

from sales.best_available.blocks import Block, Free, deal
from sales.best_available.layout import Layout
from sales.models import SeatStatus
from sales.occupancy import Occupancy, micros

__all__ = ["Offers", "draw_turn", "free_in", "near_equals"]

# Blocks that one statement looks at: the one that was dealt, and some in case it is gone.
_CANDIDATES = 4
# Of how many blocks a loser picks one, times the square of her tries.
_NEAR_EQUAL = 4
_DEALS_A_PROCESS = 64
_TURNS_KEPT_SECONDS = 30


def draw_turn(found: Occupancy, *, of: str, quantity: int) -> int | None:
    """Count the seats offered from a copy to those with the same wish, and return how many were.

    None without the cache.
    """
    key = f"turn:{found.event_id}:{micros(found.read_at)}:{of}"
    try:
        cache.add(key, 0, _TURNS_KEPT_SECONDS)
        return int(cache.incr(key, quantity)) - quantity
    except (RedisError, ValueError):
        return None


def free_in(found: Occupancy, eligible: frozenset[str], *, accessible: bool) -> Free:
    """Return what is free in a copy, for a buyer who may have seats of these categories."""
    ranks = {category: rank for rank, (category, _) in enumerate(found.categories)}
    instant = micros(found.read_at)
    wanted, others = {}, []
    for pk, seat in found.seats.items():
        if seat.status_at(instant) != SeatStatus.AVAILABLE:
            continue
        if seat.accessible == accessible and seat.category in eligible:
            wanted[pk] = ranks.get(seat.category, len(ranks))
        else:
            others.append(pk)
    return Free(wanted, frozenset(others))


class Offers:
    """The blocks one buyer is offered, one try after the other."""

    def __init__(
        self,
        found: Occupancy,
        layout: Layout,
        *,
        quantity: int,
        accessible: bool,
        turn: int | None,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        """Take a copy of the occupancy, and which share of its blocks is this region's."""
        self.found, self.layout = found, layout
        self.quantity, self.accessible = quantity, accessible
        self.tries = 0
        self._turn, self._share = turn, share

    def next(self, eligible: frozenset[str]) -> list[Block]:
        """Return some blocks, the first one to be taken if it is still free; empty if none is."""
        blocks = _dealt(self, eligible)
        self.tries += 1
        if not blocks:
            return []
        if self._turn is None or self.tries > 1:
            return near_equals(blocks, self.tries, at=self._at(len(blocks)))
        first = _own_first(blocks, self._share)[self._at(len(blocks))]
        return [first, *near_equals(blocks, self.tries, at=self._at(len(blocks)))][:_CANDIDATES]

    def _at(self, blocks: int) -> int:
        return ((self._turn or 0) // self.quantity) % blocks


def near_equals(blocks: Sequence[Block], tries: int, *, at: int = 0) -> list[Block]:
    """Pick some blocks at random, from a place in the list on, of the more the more tries.

    They are as good as the first of them: in the same category, and strand no seat if it does
    not.
    """
    most = max(_NEAR_EQUAL * tries * tries, at if tries > 1 else 0)
    first = blocks[at]
    near = [
        block
        for block in blocks[at : at + most]
        if (block.strands, block.rank) == (first.strands, first.rank)
    ]
    return random.sample(near, min(_CANDIDATES, len(near)))


def _own_first(blocks: Sequence[Block], share: tuple[int, int]) -> list[Block]:
    """Put a region's share first, and then the others' from their end, which they reach last."""
    number, of = share
    own = blocks[number::of]
    others = [block for at, block in enumerate(blocks) if at % of != number]
    return [*own, *reversed(others)]


_deals: OrderedDict[tuple[UUID, datetime, int, bool, frozenset[str]], list[Block]] = OrderedDict()
_dealing = threading.Lock()


def _dealt(offers: Offers, eligible: frozenset[str]) -> list[Block]:
    """Deal a copy's free seats, once for all who ask for the same."""
    found = offers.found
    key = (found.event_id, found.read_at, offers.quantity, offers.accessible, eligible)
    with _dealing:
        if key not in _deals:
            free = free_in(found, eligible, accessible=offers.accessible)
            _deals[key] = deal(offers.layout, free, offers.quantity)
            while len(_deals) > _DEALS_A_PROCESS:
                _deals.popitem(last=False)
        return _deals[key]
