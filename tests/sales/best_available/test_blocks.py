"""Which seats are the best: side by side, near the stage, and no single seat left alone."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sales.best_available.blocks import Free, deal
from sales.best_available.layout import Layout, Place, stage_of, stretches_of
from sales.best_available.splitting import split

STAGE = (50.0, -50.0)


def hall(*rows: str) -> tuple[Layout, Free]:
    """Draw a hall: `.` is free, `o` free but not for us, `x` taken, a space an aisle."""
    seats, ranks, others = [], {}, set()
    for y, row in enumerate(rows):
        for x, kind in enumerate(row):
            if kind == " ":
                continue
            seats.append(("Floor", str(y), f"{y}-{x}", 10.0 * x, 10.0 * y))
            if kind == "." or kind.isdigit():
                ranks[f"{y}-{x}"] = int(kind) if kind.isdigit() else 0
            elif kind == "o":
                others.add(f"{y}-{x}")
    return Layout(tuple(stretches_of(seats)), STAGE), Free(ranks, frozenset(others))


def best(quantity: int, *rows: str) -> list[str]:
    layout, free = hall(*rows)
    blocks = deal(layout, free, quantity)
    return list(blocks[0].seats) if blocks else []


def test_takes_the_middle_of_the_front_row() -> None:
    assert best(3, "...........", "...........") == ["0-4", "0-5", "0-6"]


def test_goes_back_rather_than_to_the_side() -> None:
    assert best(2, "...xxxxx...", "...........") == ["1-4", "1-5"]


def test_does_not_cross_an_aisle_or_a_taken_seat() -> None:
    assert best(4, "...  ...", "...  ....") == ["1-5", "1-6", "1-7", "1-8"]
    assert best(4, "..x..x..") == []


def test_leaves_no_single_seat_where_it_can() -> None:
    assert best(2, "x...x..x") == ["0-5", "0-6"]
    assert best(2, "x.....x") in (["0-1", "0-2"], ["0-4", "0-5"])
    assert best(2, "x...x") in (["0-1", "0-2"], ["0-2", "0-3"])
    # Free, but not for us: that one may not be left alone either.
    assert best(2, "xo...x") == ["0-3", "0-4"]


def test_takes_the_better_category_first() -> None:
    assert best(2, "1111111", "0000000")[0].startswith("1-")


def test_mixes_categories_only_for_want_of_one() -> None:
    assert best(2, "x0011x") == ["0-1", "0-2"]
    assert best(2, "x01x") == ["0-1", "0-2"]


def test_splits_into_the_fewest_pieces_near_each_other() -> None:
    layout, free = hall("..x..x..x..", "xxxxxxxxxxx", "xxxxxxxxx..")
    assert not deal(layout, free, 4)
    seats = split(layout, free, 4)
    rows = {seat.split("-")[0] for seat in seats}
    assert (len(seats), rows) == (4, {"0"})
    assert len(split(layout, free, 10)) == 10
    assert split(layout, free, 11) == ()


def test_the_stage_is_as_drawn_or_in_the_middle_of_the_top() -> None:
    zone = {
        "position": {"x": 100, "y": 10},
        "areas": [{"position": {"x": 5, "y": 1}, "text": {"text": "Stage", "position": {"x": 2}}}],
    }
    assert stage_of([{}, zone], []) == (107, 11)
    assert stage_of([], [Place("a", 0, 20), Place("b", 40, 5)]) == (20, 5)


def test_curved_rows_and_rows_up_the_side_hold_together() -> None:
    seats = [("T", "A", str(at), 2.0 * at, 26.0 * at) for at in range(8)]
    seats += [("T", "B", f"b{at}", 100.0 + 50 * at, 0.0) for at in range(6)]
    assert [len(each) for each in stretches_of(seats)] == [8, 6]


def drawings(alphabet: str) -> st.SearchStrategy[list[str]]:
    """Draw halls whose rows say, with taken seats at their end, what their usual distance is."""
    row = st.text(alphabet=alphabet, min_size=1, max_size=14)
    return st.lists(row.map(lambda drawn: drawn + " " + "x" * 60), min_size=1, max_size=5)


rows = drawings(".x o12")

for_all = drawings(".x 12")


def blocks_there(drawn: Sequence[str], quantity: int) -> list[tuple[str, ...]]:
    """Find every block by looking at each place of the drawing."""
    return [
        tuple(f"{y}-{x + step}" for step in range(quantity))
        for y, row in enumerate(drawn)
        for x in range(len(row) - quantity + 1)
        if all(kind in ".12" for kind in row[x : x + quantity])
    ]


def strands(drawn: Sequence[str], block: Sequence[str]) -> bool:
    """Tell whether a block leaves a single free seat beside it."""
    y, first = map(int, block[0].split("-"))
    row, last = drawn[y], first + len(block) - 1

    def free(x: int) -> bool:
        return 0 <= x < len(row) and row[x] in ".12o"

    left = free(first - 1) and not free(first - 2)
    return left or (free(last + 1) and not free(last + 2))


@given(drawn=rows, quantity=st.integers(1, 6))
@settings(max_examples=200)
def test_deals_every_hall_well(drawn: list[str], quantity: int) -> None:
    # The drawing's distances are known: an aisle is what it shows, however few the seats.
    layout, free = hall("." * 20, *drawn)
    usual = {place.id for stretch in layout.stretches for place in stretch}
    assert usual >= set(free.ranks)
    free = Free({seat: rank for seat, rank in free.ranks.items() if not seat.startswith("0-")})
    drawn = ["x" * 20, *drawn]
    _, whole = hall(*drawn)
    blocks = deal(layout, whole, quantity)
    there = blocks_there(drawn, quantity)
    assert bool(blocks) == bool(there)
    dealt = [seat for block in blocks for seat in block.seats]
    assert len(dealt) == len(set(dealt)), "a seat is dealt twice"
    for block in blocks:
        assert block.seats in there, "taken, foreign, or not side by side"
        assert block.strands == strands(drawn, block.seats)
    if blocks:
        assert blocks[0].strands == all(strands(drawn, each) for each in there)


@given(drawn=for_all, quantity=st.integers(1, 6))
@settings(max_examples=200)
def test_no_seat_is_stranded_however_many_of_a_deal_are_taken(
    drawn: list[str], quantity: int
) -> None:
    layout, free = hall("x" * 20, *drawn)
    good = [block for block in deal(layout, free, quantity) if not block.strands]
    taken = {seat for block in good for seat in block.seats}
    alone = singles(["x" * 20, *drawn])
    after = ["x" * 20, *drawn]
    for seat in taken:
        y, x = map(int, seat.split("-"))
        after[y] = after[y][:x] + "x" + after[y][x + 1 :]
    assert singles(after) <= alone


def singles(drawn: Sequence[str]) -> set[str]:
    return {
        f"{y}-{x}"
        for y, row in enumerate(drawn)
        for x, kind in enumerate(row)
        if kind in ".12o"
        and (x == 0 or row[x - 1] in "x ")
        and (x == len(row) - 1 or row[x + 1] in "x ")
    }


@given(drawn=rows, quantity=st.integers(1, 9))
@settings(max_examples=200)
def test_splits_iff_enough_seats_are_left(drawn: list[str], quantity: int) -> None:
    layout, free = hall("x" * 20, *drawn)
    seats = split(layout, free, quantity)
    assert bool(seats) == (len(free.ranks) >= quantity)
    assert len(seats) == len(set(seats)) == (quantity if seats else 0)
    assert set(seats) <= set(free.ranks)


@pytest.mark.parametrize("quantity", [1, 2, 4])
def test_a_hall_is_dealt_out_nearly_whole(quantity: int) -> None:
    layout, free = hall(*["." * 40] * 20)
    assert len(deal(layout, free, quantity)) * quantity >= 0.8 * 800
