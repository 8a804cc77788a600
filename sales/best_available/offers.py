"""What buyers who come together are offered: a different block each, of about the same worth.

Everybody who looks at one copy of the occupancy sees the same blocks, and all would take the
best. So each is told how many seats are in flight (`sales.in_flight`) and gets the block that
far down the list; the regions, which count for themselves, have blocks of their own. Who loses
all the same picks at random, from more blocks each time.
"""

from __future__ import annotations

import random
import threading
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID
from zlib import crc32

from sales.best_available.blocks import Block, Free, deal
from sales.best_available.layout import Layout
from sales.models import SeatStatus
from sales.occupancy import Occupancy, micros

__all__ = ["Offers", "free_in", "near_equals"]

# Blocks that one statement looks at: the one that was dealt, and some in case it is gone.
_CANDIDATES = 4
# Of how many blocks one picks at random at least, times the square of her tries.
_NEAR_EQUAL = 4
_DEALS_A_PROCESS = 64


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
    """The blocks one buyer is offered, one try after the other.

    `in_flight` is how many seats others are being sold right now; None if that is not known.
    `share` is the number of this region, and of how many.
    """

    def __init__(
        self,
        found: Occupancy,
        layout: Layout,
        *,
        quantity: int,
        accessible: bool,
        in_flight: int | None,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        """Take a copy of the occupancy to offer from."""
        self.found, self.layout = found, layout
        self.quantity, self.accessible = quantity, accessible
        self.tries = 0
        self._ahead = None if in_flight is None else in_flight // quantity
        self._share = share

    @property
    def rivals(self) -> int:
        """Return about how many others want seats right now, in all regions."""
        lost = max(self.tries - 1, 0)
        return max((self._ahead or 0) * self._share[1], _NEAR_EQUAL * lost * lost)

    def next(self, eligible: frozenset[str]) -> list[Block]:
        """Return some blocks, the first one to be taken if it is still free; empty if none is."""
        blocks = _dealt(self, eligible)
        self.tries += 1
        if not blocks:
            return []
        at = (self._ahead or 0) % len(blocks)
        near = near_equals(blocks[at:], self.rivals)
        if self._ahead is None or self.tries > 1:
            return near
        return [_own_first(blocks, self._share)[at], *near][:_CANDIDATES]


def near_equals(blocks: Sequence[Block], rivals: int) -> list[Block]:
    """Pick some of the first blocks at random, in the order they come to be tried.

    They are as good as the first of them: in the same category, and strand no seat if it does
    not. With more rivals than there are such blocks they are any of as many.
    """
    first = blocks[0]
    near = [
        block
        for block in blocks[: max(rivals, _NEAR_EQUAL)]
        if (block.strands, block.rank) == (first.strands, first.rank)
    ]
    if rivals > len(near):
        near = list(blocks[:rivals])
    return random.sample(near, min(_CANDIDATES, len(near)))


def _own_first(blocks: Sequence[Block], share: tuple[int, int]) -> list[Block]:
    """Put the best block first, then a region's own, and the others' last, from their end.

    Whose a block is, its name says: the same in every copy, so that the blocks in flight are the
    first ones of a later copy's list, too.
    """
    number, of = share
    best, *rest = blocks
    own = [crc32(block.seats[0].encode()) % of == number for block in rest]
    mine = [block for block, is_own in zip(rest, own, strict=True) if is_own]
    others = [block for block, is_own in zip(rest, own, strict=True) if not is_own]
    return [best, *mine, *reversed(others)]


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
