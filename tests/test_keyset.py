"""Pages by keyset show each row once, whatever comes and goes, and whatever the order holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.models import F, QuerySet
from django.db.models.functions import Lower
from django.test.utils import CaptureQueriesContext

from accounts.models import Organisation
from sales.models import Event, Seat, SeatStatus, Venue
from tests.helpers.cast import make_event, make_organisation
from worldseat.keyset import LAST, BadCursor, Keyset, Page

pytestmark = pytest.mark.django_db


def pages(
    rows: QuerySet[Any], size: int, between: Callable[[], None] = lambda: None
) -> Iterator[Page[Any]]:
    """Yield the pages of some rows, and let something happen between them."""
    cursor = ""
    while True:
        page = Keyset(rows).page(cursor, size)
        yield page
        if not page.following:
            return
        cursor = page.following
        between()


@pytest.fixture
def halls(acme: Organisation, rival: Organisation) -> QuerySet[Venue]:
    """Halls with ties in every column but the key, and two owners."""
    for number in range(11):
        Venue.objects.create(
            organisation=(acme, rival)[number % 2],
            name=f"Hall {number}",
            city=f"{number % 3}",
            time_zone=f"Zone {number // 4}",
        )
    return Venue.objects.all()


@pytest.mark.parametrize(
    "order",
    [
        ["time_zone"],
        ["-time_zone"],
        ["city", "-time_zone"],
        ["-city", "time_zone", "pk"],
        ["organisation", "time_zone"],
        ["-organisation__name", "city"],
        ["-pk"],
        [],
    ],
)
def test_shows_each_row_once_in_order_and_back(halls: QuerySet[Venue], order: list[str]) -> None:
    rows = halls.order_by(*order).select_related("organisation")
    there = [row for page in pages(rows, 3) for row in page.rows]
    assert len({row.pk for row in there}) == len(there) == halls.count()
    descending = bool(order) and order[-1].startswith("-")
    assert there == list(rows.order_by(*order, "-pk" if descending else "pk"))
    page = Keyset(rows).page(LAST, 3)
    back: list[Venue] = []
    while True:
        back = [*page.rows, *back]
        if len(back) >= len(there) - 3:
            break
        page = Keyset(rows).page(page.preceding, 3)
    assert back == there[-len(back) :]
    assert Keyset(rows).page(page.preceding, 3).rows == there[:3]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("said", [{}, {"nulls_first": True}, {"nulls_last": True}])
def test_shows_rows_without_a_value_once(
    seats: list[Seat], descending: bool, said: dict[str, bool]
) -> None:
    for number, seat in enumerate(seats):
        held = {"status": SeatStatus.HELD, "held_until": seat.changed_at} if number % 2 else {}
        Seat.objects.filter(pk=seat.pk).update(**held)
    held_until = F("held_until")
    rows = Seat.objects.order_by(
        held_until.desc(**said) if descending else held_until.asc(**said), "-row"
    )
    there = [row for page in pages(rows, 2) for row in page.rows]
    assert len(there) == len(seats)
    assert there == list(rows.order_by(*rows.query.order_by, "-pk"))
    back, page = list(Keyset(rows).page(LAST, 2).rows), Keyset(rows).page(LAST, 2)
    while page.preceding:
        page = Keyset(rows).page(page.preceding, 2)
        back = [*page.rows, *back]
    assert back == there


def test_shows_what_stays_once_while_rows_come_and_go(
    halls: QuerySet[Venue], acme: Organisation
) -> None:
    rows = halls.order_by("time_zone")
    stay = [*rows[:2], *rows[3:5], *rows[6:8], *rows[9:]]  # the others are at a page's edge
    shown: list[Venue] = []

    def come_and_go() -> None:
        last = shown[-1]
        halls.filter(pk=last.pk).delete()  # the edge itself
        for zone in ("Zone", "Zone 9"):  # before all that is left to show, and after it
            name = f"{zone}, come {len(shown)}"
            Venue.objects.create(organisation=acme, name=name, time_zone=zone)

    for number, page in enumerate(pages(rows, 3, come_and_go)):
        shown += page.rows
        if number == 4:
            break
    seen = [row.name for row in shown]
    assert not [name for name in seen if name.startswith("Zone,")]
    assert len(set(seen)) == len(seen)
    assert {row.name for row in stay} <= set(seen)


def test_a_page_that_has_emptied_leads_back(halls: QuerySet[Venue]) -> None:
    rows = halls.order_by("name")
    following = Keyset(rows).page("", 8).following
    halls.exclude(pk__in=[row.pk for row in rows[:8]]).delete()
    page = Keyset(rows).page(following, 8)
    assert (list(page.rows), page.following) == ([], "")
    assert len(Keyset(rows).page(page.preceding, 8).rows) == 8


def test_a_cursor_of_another_order_or_none_at_all_is_refused(halls: QuerySet[Venue]) -> None:
    by_name = Keyset(halls.order_by("name")).page("", 3).following
    by_city, events = Keyset(halls.order_by("city")), Keyset(Event.objects.order_by("name"))
    changed = by_name[:5] + ("A" if by_name[5] != "A" else "B") + by_name[6:]
    for keyset in (by_city, events):
        with pytest.raises(BadCursor):
            keyset.page(by_name, 3)
    for bad in (changed, "2", "x" * 5000, "\0", "é:é", by_name.partition(":")[0]):
        with pytest.raises(BadCursor):
            Keyset(halls.order_by("name")).page(bad, 3)


def test_a_cursor_leads_to_nothing_that_the_rows_do_not_hold(rival: Organisation) -> None:
    other = make_organisation("other")
    for owner in (other, rival):
        for number in range(4):
            Venue.objects.create(organisation=owner, name=f"Hall {number}")
    rivals = Venue.objects.filter(organisation=rival).order_by("name")
    others = Venue.objects.filter(organisation=other).order_by("name")
    page = Keyset(others).page(Keyset(rivals).page("", 2).following, 10)
    assert {row.organisation_id for row in page.rows} == {other.pk}


def test_asks_for_a_page_of_keys_from_the_place_on_and_loads_those(acme: Organisation) -> None:
    make_event(acme)
    rows = Seat.objects.order_by("event", "guid").select_related("category")
    cursor = Keyset(rows).page("", 4).following
    with CaptureQueriesContext(connection) as asked:
        Keyset(rows).page(cursor, 4)
    keys, loaded = [each["sql"] for each in asked]
    assert "LIMIT 5" in keys
    assert "OFFSET" not in keys
    assert "JOIN" not in keys
    assert '("sales_seat"."guid", "sales_seat"."id") > (' in keys
    assert "JOIN" in loaded


@pytest.mark.parametrize("order", [["-city", "-pk"], ["city", "-time_zone", "-pk"]])
def test_mixes_rows_that_are_asked_for_in_parts(halls: QuerySet[Venue], order: list[str]) -> None:
    rows = halls.order_by(*order).select_related("organisation")
    parts = [halls.filter(time_zone=f"Zone {number}") for number in range(3)]
    parts.append(halls.filter(city="1"))  # which are in the others too
    seen: list[Venue] = []
    cursor = ""
    while True:
        page = Keyset(rows, parts=parts).page(cursor, 3)
        seen += page.rows
        if not (cursor := page.following):
            break
    assert seen == list(rows)
    assert Keyset(rows, parts=[]).page("", 3).rows == []


def test_goes_by_what_is_computed(halls: QuerySet[Venue]) -> None:
    rows = halls.annotate(sort=Lower("time_zone")).order_by("sort", "pk")
    assert [row for page in pages(rows, 2) for row in page.rows] == list(rows)


def test_a_cursor_that_is_none_leads_to_the_first_page_where_that_is_asked(
    halls: QuerySet[Venue],
) -> None:
    keyset = Keyset(halls.order_by("name"))
    assert keyset.page_or_first("nonsense", 3).rows == keyset.page("", 3).rows


def test_refuses_an_order_that_no_cursor_can_hold(halls: QuerySet[Venue]) -> None:
    with pytest.raises(TypeError, match="columns"):
        Keyset(halls.order_by("?"))
