"""The page of an event: its map, its list of seats, and what it says about the sale."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Organisation, User
from sales.models import Event, PriceCategory, Seat, SeatStatus, Section
from tests.helpers.cast import make_event

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    cache.clear()


def page_of(client: Client, event: Event, **query: Any) -> str:
    response = client.get(reverse("sales:event", args=[event.pk]), query)
    assert response.status_code == 200
    return response.content.decode()


def map_of(client: Client, event: Event) -> ElementTree.Element:
    response = client.get(reverse("sales:event-map", args=[event.pk]))
    return ElementTree.fromstring(response.content)  # noqa: S314 (our own drawing)


def circles(svg: ElementTree.Element) -> dict[str, ElementTree.Element]:
    return {each.attrib["id"]: each for each in svg.iter("{http://www.w3.org/2000/svg}circle")}


def test_offers_the_free_seats_without_javascript(client: Client, seats: list[Seat]) -> None:
    Seat.objects.filter(pk=seats[0].pk).update(status=SeatStatus.SOLD)
    page = page_of(client, seats[0].event)
    assert str(seats[0].pk) not in page
    assert f'<option value="{seats[1].pk}">A-2 · 45.00 EUR</option>' in page
    assert '<span class="free">5</span> left' in page


def test_offers_one_section_at_a_time(client: Client, seats: list[Seat]) -> None:
    Seat.objects.filter(pk=seats[-1].pk).update(section="Balcony")
    assert str(seats[-1].pk) not in page_of(client, seats[0].event)
    balcony = page_of(client, seats[0].event, section="Balcony")
    assert str(seats[-1].pk) in balcony
    assert str(seats[0].pk) not in balcony
    chosen = page_of(client, seats[0].event, seat=str(seats[-1].pk))
    assert f'value="{seats[-1].pk}" selected' in chosen


@pytest.mark.parametrize(
    "query", [{"seat": "x"}, {"seat": "\0"}, {"section": "\0"}, {"section": "nowhere"}]
)
def test_takes_no_harm_from_a_bad_query(
    client: Client, event: Event, query: dict[str, str]
) -> None:
    assert "A-1" in page_of(client, event, **query)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"state": "paused"}, "The sale is paused"),
        ({"on_sale_at": timezone.now() + timedelta(hours=2)}, "The sale has not started"),
        ({"off_sale_at": timezone.now() - timedelta(minutes=1)}, "The sale has ended"),
    ],
)
def test_offers_nothing_outside_of_the_sale(
    client: Client, event: Event, changes: dict[str, Any], says: str
) -> None:
    Event.objects.filter(pk=event.pk).update(**changes)
    page = page_of(client, event)
    assert says in page
    assert 'id="purchase"' not in page


def test_hides_a_draft_from_all_but_its_organisation(
    client: Client, draft: Event, charlie: User, alice: User
) -> None:
    for visitor, status in ((None, 404), (charlie, 404), (alice, 200)):
        if visitor:
            client.force_login(visitor)
        for name in ("sales:event", "sales:event-map"):
            assert client.get(reverse(name, args=[draft.pk])).status_code == status
        listed = client.get("/").content.decode()
        assert ("Secret Show" in listed) == (status == 200)
    kept = client.get(reverse("sales:event-map", args=[draft.pk]))["Cache-Control"]
    assert "public" not in kept


def test_draws_each_seat_where_the_plan_has_it(client: Client, seats: list[Seat]) -> None:
    drawn = circles(map_of(client, seats[0].event))
    assert set(drawn) == {str(seat.pk) for seat in seats}
    third = drawn[str(seats[2].pk)]
    assert (third.get("cx"), third.get("cy"), third.get("fill")) == ("60", "0", "#aa0000")


def test_draws_shapes_and_no_markup_of_a_plan(client: Client, event: Event) -> None:
    assert event.plan
    section = Section.objects.get(plan=event.plan)
    section.layout["areas"] = [
        {
            "shape": "rectangle",
            "color": '"/><script>alert(1)</script>',
            "border_color": "#123456",
            "rotation": 10,
            "position": {"x": 5, "y": -60},
            "rectangle": {"width": 100, "height": 20},
            "text": {"text": "<b>Stage</b>", "color": "#333333", "size": 12},
        }
    ]
    section.save()
    Seat.objects.filter(event=event).update(row="<x>")
    svg = map_of(client, event)
    texts = [each.text for each in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert "<b>Stage</b>" in texts
    assert "<x>" in texts
    rectangle = next(svg.iter("{http://www.w3.org/2000/svg}rect"))
    assert (rectangle.get("stroke"), rectangle.get("fill")) == ("#123456", "#d9d9d9")


def test_keeps_the_map_for_ever_under_its_version(
    client: Client, event: Event, django_assert_max_num_queries: Any
) -> None:
    address = re.search(r'data-map="([^"]+)"', page_of(client, event))
    assert address
    first = client.get(address[1])
    assert "immutable" in first["Cache-Control"]
    with django_assert_max_num_queries(2):  # the event and its categories: no seat is read again
        assert client.get(address[1]).content == first.content
    PriceCategory.objects.filter(event=event).update(color="#00ff00")
    assert address[1] not in page_of(client, event)


def test_zips_the_map_for_who_can_read_it(client: Client, event: Event) -> None:
    address = reverse("sales:event-map", args=[event.pk])
    zipped = client.get(address, headers={"accept-encoding": "gzip"})
    assert zipped["Content-Encoding"] == "gzip"
    assert zipped.content[:2] == b"\x1f\x8b"
    assert "Accept-Encoding" in zipped["Vary"]


def test_has_a_policy_against_foreign_scripts(client: Client, event: Event) -> None:
    response = client.get(reverse("sales:event", args=[event.pk]))
    assert "default-src 'self'" in response["Content-Security-Policy"]
    assert "unsafe-inline" not in response["Content-Security-Policy"]
    assert not re.search(r"<script(?![^>]*src=)|style=|onclick=", response.content.decode())


def test_lists_events_in_few_statements(
    client: Client, acme: Organisation, django_assert_max_num_queries: Any
) -> None:
    for _ in range(5):
        make_event(acme)
    with django_assert_max_num_queries(2):
        page = client.get("/").content.decode()
    assert page.count("from 25.00 EUR") == 5


def test_finds_events_by_name(client: Client, acme: Organisation) -> None:
    make_event(acme, name="Swan Lake")
    make_event(acme, name="Macbeth")
    page = client.get("/", {"q": "swan"}).content.decode()
    assert "Swan Lake" in page
    assert "Macbeth" not in page
    assert client.get("/", {"q": "\0<script>", "page": "x"}).status_code == 200


def test_says_so_when_all_is_sold(client: Client, event: Event) -> None:
    Seat.objects.filter(event=event).update(status=SeatStatus.SOLD)
    assert "Sold out" in client.get("/").content.decode()
    assert "Sold out" in page_of(client, event)


def test_shows_what_is_asked_for_fees_included(client: Client, seats: list[Seat]) -> None:
    Event.objects.update(fee_minor=150, fee_basis_points=250)
    page = page_of(client, seats[0].event)
    # 45.00 and 1.50, and 2.5 % of 45.00 (1.125, halves up).
    assert f'<option value="{seats[0].pk}">A-1 · 47.63 EUR</option>' in page
    assert '<b class="price">47.63 EUR</b>' in page
    assert "from 27.13 EUR" in client.get(reverse("sales:event-list")).content.decode()


def test_offers_the_seats_of_a_hold_that_has_expired(client: Client, seats: list[Seat]) -> None:
    Seat.objects.update(status=SeatStatus.HELD, held_until=timezone.now() - timedelta(seconds=1))
    page = page_of(client, seats[0].event)
    assert f'<option value="{seats[0].pk}">' in page
    assert '<span class="free">6</span> left' in page
    Seat.objects.update(held_until=timezone.now() + timedelta(minutes=1))
    assert "Sold out" in page_of(client, seats[0].event)
