"""When nowhere are enough seats side by side: as few pieces as possible, near each other."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence

from sales.best_available.blocks import Free, Piece, pieces_of
from sales.best_available.layout import Layout, Place, Stretch

__all__ = ["split", "splits"]

# How many places to begin at are tried, and how many pieces beside the necessary ones.
_ANCHORS = 20
_SPARE = 200


def splits(layout: Layout, free: Free, quantity: int, *, most: int) -> list[tuple[str, ...]]:
    """Return ways that share no seat, at most so many, all of as few pieces as the best one.

    For buyers who come together, and would all take the best one.
    """
    ways: list[tuple[str, ...]] = []
    pieces = 0
    while len(ways) < most and (way := split(layout, free, quantity)):
        taken = set(way)
        needed = _pieces_in(layout, taken)
        pieces = pieces or needed
        if needed > pieces:
            break
        ways.append(way)
        ranks = {seat: rank for seat, rank in free.ranks.items() if seat not in taken}
        free = Free(ranks, free.others)
    return ways


def _pieces_in(layout: Layout, seats: Container[str]) -> int:
    """Count the pieces that some seats are in."""
    return sum(
        seats_follow
        for stretch in layout.stretches
        for seats_follow in (
            place.id in seats and (at == 0 or stretch[at - 1].id not in seats)
            for at, place in enumerate(stretch)
        )
    )


def split(layout: Layout, free: Free, quantity: int) -> tuple[str, ...]:
    """Return seats in the fewest pieces there can be, in near rows; empty if too few are left.

    Of the ways tried it is the one in the best categories, and then the one whose pieces are
    nearest to each other and to the stage.
    """
    longest = sorted(pieces_of(layout, free), key=len, reverse=True)
    fewest = _fewest(longest, quantity)
    if not fewest:
        return ()
    pieces = longest[: fewest + _SPARE]
    ways = [_gather(anchor, pieces, quantity, fewest) for anchor in pieces[:_ANCHORS]]
    found = [way for way in ways if way]
    best = min(found, key=lambda way: (_worst_rank(free, way), _spread(layout, way)))
    return tuple(place.id for seats in best for place in seats)


def _fewest(longest: Sequence[Piece], quantity: int) -> int:
    """Count how many of the longest pieces it takes; 0 if all together are too few."""
    left = quantity
    for number, piece in enumerate(longest, start=1):
        left -= len(piece)
        if left <= 0:
            return number
    return 0


def _gather(anchor: Piece, pieces: Sequence[Piece], quantity: int, fewest: int) -> list[Stretch]:
    """Take a piece, and with it the nearest ones that make it no more than the fewest.

    Empty if that cannot be; with the longest piece it can: of the other long ones, some have at
    least their share of what is left.
    """
    way, left = [_seats(anchor, quantity, anchor)], quantity - len(anchor)
    others = [piece for piece in pieces if piece is not anchor]
    for still in range(fewest - 1, 0, -1):
        if left <= 0:
            break
        share = math.ceil(left / still)
        enough = [piece for piece in others if len(piece) >= share]
        if not enough:
            return []
        nearest = min(enough, key=lambda piece: _apart(_middle(piece.run), _middle(anchor.run)))
        way.append(_seats(nearest, left, anchor))
        left -= len(nearest)
        others = [piece for piece in others if piece is not nearest]
    return way if left <= 0 else []


def _seats(piece: Piece, most: int, near: Piece) -> Stretch:
    """Take at most so many neighbours of a piece: near another one, and stranding no seat."""
    quantity = min(most, len(piece))
    begins = range(piece.begin, piece.end - quantity + 1)
    begin = min(
        begins,
        key=lambda at: (
            piece.strands(at, quantity),
            _apart(_middle(piece.run[at : at + quantity]), _middle(near.run)),
        ),
    )
    return piece.run[begin : begin + quantity]


def _worst_rank(free: Free, way: Sequence[Stretch]) -> int:
    return max(free.ranks[place.id] for seats in way for place in seats)


def _spread(layout: Layout, way: Sequence[Stretch]) -> float:
    """Return how far the pieces are from the first one, all together, and it from the stage."""
    first = _middle(way[0])
    apart = sum(_apart(_middle(seats), first) for seats in way[1:])
    return apart + layout.distance(way[0][0], way[0][-1])


def _middle(seats: Sequence[Place]) -> tuple[float, float]:
    return (seats[0].x + seats[-1].x) / 2, (seats[0].y + seats[-1].y) / 2


def _apart(one: tuple[float, float], other: tuple[float, float]) -> float:
    return math.hypot(one[0] - other[0], one[1] - other[1])
