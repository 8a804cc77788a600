"""Making a plan by numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.plans import BadNumbers, Block, PlanInvalid, plan_by_numbers
from sales.plans.numbers import _name, _ordinal, row_names


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        ("A-C", "A B C"),
        ("A", "A"),
        ("AA-AC", "AA AB AC"),
        ("Y-AB", "Y Z AA AB"),
        ("a-c", "a b c"),
        ("8-11", "8 9 10 11"),
        ("G-H,J-K", "G H J K"),
        (" A-B , 1-2 ", "A B 1 2"),
    ],
)
def test_names_rows(rows: str, names: str) -> None:
    assert row_names(rows) == names.split()


@given(st.integers(1, 18_000))
def test_counts_rows_as_spreadsheets_do(number: int) -> None:
    assert _ordinal(_name(number, "A")) == number


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("", "no range"),
        ("A-", "no range"),
        ("-A", "no range"),
        ("A-B-C", "no range"),
        ("A..H", "no range"),
        ("\u00c4-\u00d6", "no range"),
        ("\u0661-\u0663", "no range"),
        ("H-A", "backwards; write A-H"),
        ("20-1", "backwards"),
        ("A-9", "mix kinds"),
        ("A-h", "mix kinds"),
        ("Aa-Ab", "mixes capitals"),
        ("01-10", "zero"),
        ("A-C,B", "'B' twice"),
        ("1-999999", "more than 500"),
        ("AAA-ZZZ", "more than 500"),
        ("1-400,401-800", "more than 500"),
    ],
)
def test_refuses_bad_rows(rows: str, message: str) -> None:
    with pytest.raises(BadNumbers, match=message):
        row_names(rows)


@pytest.mark.parametrize("seats", [0, -1, 501])
def test_refuses_too_few_and_too_many_seats(seats: int) -> None:
    with pytest.raises(BadNumbers, match="use 1 to 500"):
        plan_by_numbers([Block("Floor", "A-H", seats)])


def test_refuses_more_seats_than_a_plan_takes() -> None:
    with pytest.raises(BadNumbers, match="250,000 seats; a plan has at most 150,000"):
        plan_by_numbers([Block("Floor", "1-500", 500)])


def test_refuses_a_section_given_twice() -> None:
    with pytest.raises(BadNumbers, match="twice"):
        plan_by_numbers([Block("Floor", "A", 1), Block("Floor ", "B", 1)])


def test_refuses_names_that_no_column_holds() -> None:
    with pytest.raises(PlanInvalid, match="longer than"):
        plan_by_numbers([Block("x" * 201, "A", 1)])


def test_makes_a_plan_of_the_format() -> None:
    plan = plan_by_numbers([Block("Floor", "A-H", 12, "Front"), Block("Back", "1-2", 4)])
    assert len(plan.seats) == 8 * 12 + 2 * 4
    assert [each["name"] for each in plan.categories] == ["Front", "Standard"]
    assert plan.seats[0].guid == "Floor-A-1"
    assert plan.seats[-1].guid == "Back-2-4"


def test_places_no_two_seats_alike_and_all_within_the_plan() -> None:
    plan = plan_by_numbers([Block("Floor", "A-C", 30), Block("Back", "D-F", 4)])
    spots = {(each.x, each.y) for each in plan.seats}
    assert len(spots) == len(plan.seats)
    assert all(0 < x < plan.width and 0 < y < plan.height for x, y in spots)


def test_numbers_seats_as_halls_do() -> None:
    block = Block(
        "Stalls", "H-K", 3, skip="IO", first=2, step=2, backwards=True, seats_by_row=(3, 4, 5)
    )
    rows: dict[str, list[tuple[str, float]]] = {}
    for seat in plan_by_numbers([block]).seats:
        rows.setdefault(seat.row, []).append((seat.number, seat.x))
    assert list(rows) == ["H", "J", "K"]
    assert [number for number, _ in rows["J"]] == ["8", "6", "4", "2"]
    middles = {sum(x for _, x in seats) / len(seats) for seats in rows.values()}
    assert len(middles) == 1  # each row in the middle


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (Block("A", "I", 3, skip="I"), "No row"),
        (Block("A", "A-C", 3, seats_by_row=(1, 2)), "3 rows, and 2 numbers"),
    ],
)
def test_refuses_rows_that_do_not_fit(block: Block, message: str) -> None:
    with pytest.raises(BadNumbers, match=message):
        plan_by_numbers([block])
