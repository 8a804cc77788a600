"""Dealing the free seats of an event out in blocks of neighbours, the best one first.

Pure: it knows seats by their ids, and nothing of the database. The blocks of one deal share no
seat, so that those who come together can be given one each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sales.best_available.layout import Layout, Place, Stretch

__all__ = ["Block", "Free", "Piece", "deal", "pieces_of"]


@dataclass(frozen=True)
class Free:
    """What is left: `ranks` has the seats the buyer may have, and how good their category is.

    0 is the best. `others` are free too, but not for this buyer: they may be left alone, too.
    """

    ranks: Mapping[str, int]
    others: frozenset[str] = frozenset()

    def __contains__(self, seat: str) -> bool:
        return seat in self.ranks or seat in self.others


@dataclass(frozen=True, order=True)
class Block:
    """Neighbours to be held together; the smaller, the better.

    `strands`: it would leave a single seat alone between taken ones. Then comes how good the
    worst of its categories is (0 is the best), then how far from the stage it is.
    """

    strands: bool
    rank: int
    distance: float
    seats: tuple[str, ...]


@dataclass(frozen=True)
class Piece:
    """Free neighbours the buyer may have, `begin` to `end` of a run of free seats."""

    run: Stretch
    begin: int
    end: int

    def __len__(self) -> int:
        return self.end - self.begin

    def strands(self, begin: int, quantity: int) -> bool:
        """Tell whether taking `quantity` from `begin` on leaves a single seat on either side."""
        return begin == 1 or len(self.run) - begin - quantity == 1


def deal(layout: Layout, free: Free, quantity: int) -> list[Block]:
    """Return disjoint blocks of neighbours, the best first; empty if there is none at all.

    One is there for each piece that is long enough, and where a piece has room for more they
    follow on both sides of its best one. Taken alone or all together, they strand no seat that
    the buyer might have; one that does is dealt only where its piece offers nothing else, and
    comes after all that do not.
    """
    blocks = [
        block
        for piece in pieces_of(layout, free)
        if len(piece) >= quantity
        for block in _cut(piece, quantity, _grader(layout, free, piece, quantity))
    ]
    return sorted(blocks)


def pieces_of(layout: Layout, free: Free) -> Iterator[Piece]:
    """Yield the stretches of free neighbours the buyer may have."""
    for stretch in layout.stretches:
        for run in _runs(stretch, free):
            begin = None
            for at, place in enumerate(run):
                wanted = place.id in free.ranks
                if wanted and begin is None:
                    begin = at
                elif not wanted and begin is not None:
                    yield Piece(run, begin, at)
                    begin = None
            if begin is not None:
                yield Piece(run, begin, len(run))


def _runs(stretch: Stretch, free: Free) -> Iterator[Stretch]:
    """Part a stretch at the seats that are taken."""
    begin = None
    for at, place in enumerate(stretch):
        if place.id in free:
            begin = at if begin is None else begin
        elif begin is not None:
            yield stretch[begin:at]
            begin = None
    if begin is not None:
        yield stretch[begin:]


Grader = Callable[[int], Block]


def _grader(layout: Layout, free: Free, piece: Piece, quantity: int) -> Grader:
    """Return what makes the block that begins somewhere in a piece."""
    ranks = [free.ranks.get(place.id, 0) for place in piece.run]

    def grade(begin: int) -> Block:
        seats: Sequence[Place] = piece.run[begin : begin + quantity]
        return Block(
            strands=piece.strands(begin, quantity),
            rank=max(ranks[begin : begin + quantity]),
            distance=layout.distance(seats[0], seats[-1]),
            seats=tuple(place.id for place in seats),
        )

    return grade


def _cut(piece: Piece, quantity: int, grade: Grader) -> Iterator[Block]:
    """Cut a piece into its best block and those that follow on either side."""
    best, begin = min((grade(at), at) for at in range(piece.begin, piece.end - quantity + 1))
    yield best
    if best.strands:
        return
    for step, last in ((-quantity, piece.begin), (quantity, piece.end - quantity)):
        for at in range(begin + step, last + (1 if step > 0 else -1), step):
            if piece.strands(at, quantity):
                break
            yield grade(at)
