"""The chart of an event: static, and told apart by its ETag."""

from __future__ import annotations

from collections import OrderedDict
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Organisation, User
from sales.models import Event, PriceCategory, PriceType, Seat, SeatingPlan
from tests.helpers.api_calls import ApiAs, assert_problem, buy
from tests.helpers.cast import make_event

pytestmark = pytest.mark.django_db(transaction=True)


def url(event: Event) -> str:
    return f"/api/v1/events/{event.pk}/plan/"


def test_has_sections_rows_seats_and_prices(
    api: APIClient, event: Event, seats: list[Seat]
) -> None:
    chart = api.get(url(event)).json()
    assert event.plan
    assert (chart["event"], chart["name"]) == (str(event.pk), event.plan.name)
    assert (chart["width"], chart["height"], chart["seat_count"]) == (300, 200, 12)
    prices = {each["id"]: (each["name"], each["price"]["amount"]) for each in chart["categories"]}
    (section,) = chart["sections"]
    assert (section["name"], section["areas"]) == ("Floor", [])
    assert [(row["name"], len(row["seats"])) for row in section["rows"]] == [("A", 6), ("B", 6)]
    first = section["rows"][0]["seats"][0]
    assert first == {
        "id": str(seats[0].pk),
        "guid": "Floor-A-1",
        "number": "1",
        "x": 20.0,
        "y": 0.0,
        "category": str(seats[0].category_id),
    }
    assert prices[first["category"]] == ("Front", 4500)
    assert prices[section["rows"][1]["seats"][0]["category"]] == ("Back", 2500)


def test_is_the_same_after_a_sale(api_as: ApiAs, fay: User, event: Event, seat: Seat) -> None:
    api = api_as(fay)
    before = api.get(url(event))
    assert buy(api, event, seat).status_code == 201
    after = api.get(url(event))
    assert (after.content, after["ETag"]) == (before.content, before["ETag"])


def test_need_not_be_fetched_again(api: APIClient, event: Event) -> None:
    first = api.get(url(event))
    assert first["Cache-Control"] == "public, max-age=3600"
    assert not first["ETag"].startswith("W/")
    for known in (first["ETag"], f'"x", {first["ETag"]}', "*"):
        again = api.get(url(event), headers={"If-None-Match": known})
        assert again.status_code == 304
        assert not again.content
        assert again["ETag"] == first["ETag"]
    assert api.get(url(event), headers={"If-None-Match": '"other"'}).status_code == 200


def test_is_another_after_a_price_has_changed(api: APIClient, event: Event) -> None:
    first = api.get(url(event))
    PriceCategory.objects.filter(event=event, name="Front").update(price_minor=5000)
    again = api.get(url(event), headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 200
    assert again["ETag"] != first["ETag"]


def test_has_no_seats_while_the_plan_is_not_complete(
    api: APIClient, api_as: ApiAs, alice: User, event: Event
) -> None:
    Event.objects.update(plan=None)
    assert_problem(api.get(url(event)), 404, "not-found")
    answer = api_as(alice).get(url(event))
    assert (answer.json()["seat_count"], answer.json()["sections"]) == (0, [])
    assert answer["Cache-Control"] == "private, no-cache"


def test_is_read_with_as_many_queries_however_many_seats_there_are(
    api: APIClient, acme: Organisation, django_assert_num_queries: Any
) -> None:
    event = make_event(acme, rows="ABCDEFGH", seats_a_row=50)
    # What it costs, which seats are of which category, and the chart; BEGIN and COMMIT make
    # each one snapshot.
    with django_assert_num_queries((2 + 3) + (2 + 3) + (2 + 5)):
        assert api.get(url(event)).json()["seat_count"] == 400


def test_is_drawn_once(
    api: APIClient, event: Event, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sales.occupancy.RENEW_AFTER", timedelta(hours=1))
    first = api.get(url(event))
    with django_assert_num_queries(2 + 3):
        assert api.get(url(event)).content == first.content
    # Another process takes it from the cache.
    monkeypatch.setattr("sales.api.plans._bodies", OrderedDict())
    with django_assert_num_queries(2 + 3):
        again = api.get(url(event))
    assert (again.content, again["ETag"]) == (first.content, first["ETag"])


def test_is_another_after_a_seat_has_changed_its_category(
    api: APIClient, event: Event, seat: Seat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sales.occupancy.RENEW_AFTER", timedelta(0))
    first = api.get(url(event)).json()
    back = PriceCategory.objects.get(event=event, name="Back")
    Seat.objects.filter(pk=seat.pk).update(category=back, changed_at=timezone.now())
    again = api.get(url(event)).json()
    of = [chart["sections"][0]["rows"][0]["seats"][0]["category"] for chart in (first, again)]
    assert of == [str(seat.category_id), str(back.pk)]


@pytest.mark.parametrize("change", ["price type", "fee", "name", "colour"])
def test_is_another_after_what_it_shows_has_changed(
    api: APIClient, event: Event, change: str
) -> None:
    PriceType.objects.create(
        category=PriceCategory.objects.get(name="Back"), name="Child", price_minor=1
    )
    first = api.get(url(event))
    if change == "price type":
        PriceType.objects.update(price_minor=2)
    elif change == "fee":
        Event.objects.update(fee_minor=50)
    elif change == "name":
        SeatingPlan.objects.update(name="The new hall")
    else:
        PriceCategory.objects.update(color="#123456")
    assert api.get(url(event)).content != first.content


def test_keeps_a_drafts_chart_from_others_though_it_was_drawn(
    api: APIClient, api_as: ApiAs, alice: User, charlie: User, draft: Event
) -> None:
    drawn = api_as(alice).get(url(draft))
    assert (drawn.status_code, drawn["Cache-Control"]) == (200, "private, no-cache")
    tag = {"If-None-Match": drawn["ETag"]}
    for other in (api, api_as(charlie)):
        assert_problem(other.get(url(draft), headers=tag), 404, "not-found")
