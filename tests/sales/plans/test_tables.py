"""Reading a plan from a table of seats."""

from __future__ import annotations

import pytest

from sales.plans import PlanInvalid, PlanUnreadable, parse_table
from sales.plans.tables import SAMPLE


def test_reads_the_sample() -> None:
    plan = parse_table(SAMPLE.encode(), name="Hall")
    assert (plan.name, len(plan.seats)) == ("Hall", 6)
    assert plan.seats_of_categories() == {"Premium": 2, "Standard": 4}
    assert [seat.guid for seat in plan.seats[:2]] == ["Stalls-A-1", "Stalls-A-2"]
    places = {(seat.x, seat.y) for seat in plan.seats}
    assert len(places) == 6


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_reads_what_spreadsheets_write(delimiter: str) -> None:
    lines = [
        "Category,Row,Seat,Section,x,y",
        'Gold,A,1,"The Floor",10,20',
        "Gold,A,2,The Floor,30,20",
    ]
    text = "\ufeff" + "\r\n".join(line.replace(",", delimiter) for line in lines) + "\r\n\r\n"
    plan = parse_table(text.encode(), name="x")
    assert [(seat.section, seat.number, seat.x, seat.y) for seat in plan.seats] == [
        ("The Floor", "1", 10, 20),
        ("The Floor", "2", 30, 20),
    ]


def test_tells_each_bad_line() -> None:
    text = "section,row,seat,category,x,y\nF,A,1,Gold,1,1\nF,A,1,Gold,2,1\nF,,3,Gold,a,1\n"
    with pytest.raises(PlanInvalid) as refusal:
        parse_table(text.encode(), name="x")
    assert [str(place) for place in refusal.value.places] == [
        "line 3: F A-1 is in line 2 already",
        "line 4, row: is empty",
        "line 4, x: 'a' is no number",
    ]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"section,row,seat\nF,A,1\n", "lacks category"),
        (b"section,row,seat,category,colour\n", "not known: colour"),
        (b"section,row,seat,category,x\n", "one of x and y"),
        (b"section,row,seat,category\n", "no seats"),
        (b"section,row,seat,category\nF,A,1,G,5\n", "Line 2 has 5 cells"),
        (b"section,row,seat,category\nF,A,\xff,G\n", "line 2"),
        (b'section,row,seat,category\n"F,A,1,G\n', "no CSV"),
    ],
)
def test_says_why_a_table_cannot_be_read(data: bytes, says: str) -> None:
    with pytest.raises(PlanUnreadable, match=says):
        parse_table(data, name="x")
