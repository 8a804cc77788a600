"""Which seats a filter or a list means."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from accounts.models import Organisation
from sales.models import Event, Seat, SeatStatus
from sales.organising.selection import BadFilter, SeatFilter, Selection, resolve
from tests.helpers.cast import make_event

pytestmark = pytest.mark.django_db


@pytest.fixture
def hall(acme: Organisation) -> Event:
    """Rows A to D of twelve seats."""
    return make_event(acme, rows="ABCD", seats_a_row=12)


def labels(event: Event, selection: Selection, now: datetime) -> list[str]:
    found = resolve(event, selection, now=now)
    seats = Seat.objects.in_bulk(found.ids)
    return [seats[pk].label for pk in found.ids]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A-1", ["A-1"]),
        ("A-9..A-11", ["A-9", "A-10", "A-11"]),
        ("B-2..4, A-1\nFloor: C-1; Floor D-12", ["A-1", "B-2", "B-3", "B-4", "C-1", "D-12"]),
        ("Floor-A-3", ["A-3"]),  # its name in the plan
    ],
)
def test_reads_a_list(hall: Event, now: datetime, text: str, expected: list[str]) -> None:
    assert labels(hall, Selection(labels=text), now) == expected


def test_says_what_of_a_list_is_no_seat(hall: Event, now: datetime) -> None:
    found = resolve(hall, Selection(labels="A-1, Z-9, A-1..B-2, nonsense"), now=now)
    assert len(found.ids) == 1
    assert found.unknown == [
        "Z-9: there is no such seat",
        "A-1..B-2: a range stays in one row",
        "nonsense: write A-1, A-3..A-10, or Floor: A-1",
    ]


def test_asks_for_the_section_where_several_have_the_seat(hall: Event, now: datetime) -> None:
    Seat.objects.filter(event=hall, row="D").update(section="Balcony", row="A", number="1")
    found = resolve(hall, Selection(labels="A-1"), now=now)
    assert not found.ids
    assert "Floor, Balcony" in found.unknown[0]


@pytest.mark.parametrize(
    ("asked", "number"),
    [
        ({"section": "Floor"}, 48),
        ({"section": "Nowhere"}, 0),
        ({"rows": "A-B"}, 24),
        ({"rows": "A,D", "numbers": "3-5"}, 6),
        ({"rows": "A", "parity": "odd"}, 6),
        ({"statuses": ("blocked",)}, 1),
        ({"statuses": ("available", "blocked")}, 48),
        ({"price_minor": 4500}, 12),
        ({"accessible": True}, 0),
    ],
)
def test_filters(hall: Event, now: datetime, asked: dict[str, Any], number: int) -> None:
    first = hall.seats.in_order()[0]
    Seat.objects.filter(pk=first.pk).update(status=SeatStatus.BLOCKED)
    assert len(resolve(hall, Selection(filter=SeatFilter(**asked)), now=now).ids) == number


def test_refuses_a_range_it_cannot_read(hall: Event, now: datetime) -> None:
    with pytest.raises(BadFilter, match="backwards"):
        resolve(hall, Selection(filter=SeatFilter(rows="D-A")), now=now)


def test_takes_no_seat_of_another_event(hall: Event, seats: list[Seat], now: datetime) -> None:
    found = resolve(hall, Selection(ids=[seats[0].pk]), now=now)
    assert found.ids == []
    assert found.unknown == ["1 ids are no seats of this event"]
