"""The list of events, and one event."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Organisation, User
from sales.models import Event, Venue
from tests.helpers.api_calls import ApiAs, assert_problem
from tests.helpers.cast import make_event

pytestmark = pytest.mark.django_db

URL = "/api/v1/events/"


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [event["name"] for event in answer.json()["results"]]


def test_shows_an_event(api: APIClient, event: Event, acme: Organisation) -> None:
    shown = api.get(f"{URL}{event.pk}/").json()
    assert shown["id"] == str(event.pk)
    assert shown["organisation"] == {"id": str(acme.pk), "name": "Acme", "slug": "acme"}
    assert shown["venue"]["id"] == str(event.venue_id)
    assert shown["on_sale"] is True
    assert shown["on_sale_at"] == event.on_sale_at.isoformat().replace("+00:00", "Z")
    assert (shown["currency"], shown["limit_per_fan"], shown["state"]) == ("EUR", 4, "published")
    assert [(each["name"], each["price"]) for each in shown["categories"]] == [
        ("Front", {"amount": 4500, "currency": "EUR"}),
        ("Back", {"amount": 2500, "currency": "EUR"}),
    ]
    assert api.get(URL).json() == {"results": [shown], "next": None, "previous": None}


def test_says_that_a_paused_event_is_not_on_sale(api: APIClient, event: Event) -> None:
    Event.objects.update(state="paused")
    assert api.get(f"{URL}{event.pk}/").json()["on_sale"] is False


@pytest.mark.django_db(transaction=True)
def test_shows_a_draft_to_its_own_organisation_only(
    api: APIClient, api_as: ApiAs, draft: Event, alice: User, bob: User, charlie: User, fay: User
) -> None:
    for each in (api, api_as(charlie), api_as(fay)):
        assert names(each.get(URL)) == []
        for path in ("", "plan/", "availability/"):
            assert_problem(each.get(f"{URL}{draft.pk}/{path}"), 404, "not-found")
    for each in (api_as(alice), api_as(bob)):
        assert names(each.get(URL)) == ["Secret Show"]
        for path in ("", "plan/", "availability/"):
            assert each.get(f"{URL}{draft.pk}/{path}").status_code == 200
    assert api_as(alice).get(f"{URL}{draft.pk}/plan/")["Cache-Control"] == "private, no-cache"


def test_filters_by_organisation(
    api: APIClient, acme: Organisation, rival: Organisation, event: Event
) -> None:
    make_event(rival, name="Other")
    assert names(api.get(URL, {"organisation": "acme"})) == ["Opening Night"]
    assert names(api.get(URL, {"organisation": str(rival.pk)})) == ["Other"]
    assert names(api.get(URL, {"organisation": "nobody"})) == []


def test_finds_the_words_of_name_venue_and_city(
    api: APIClient, acme: Organisation, event: Event
) -> None:
    other = make_event(acme, name="100% Jazz")
    Venue.objects.filter(pk=other.venue_id).update(name="Blue Room", city="Lyon")
    assert names(api.get(URL, {"q": "OPENING"})) == ["Opening Night"]
    assert names(api.get(URL, {"q": "blue jazz lyon"})) == ["100% Jazz"]
    assert names(api.get(URL, {"q": "blue opening"})) == []
    assert names(api.get(URL, {"q": "%"})) == ["100% Jazz"]
    assert names(api.get(URL, {"q": "'; --"})) == []


def test_filters_by_whether_it_sells(api: APIClient, acme: Organisation, event: Event) -> None:
    soon = timezone.now() + timedelta(days=1)
    make_event(acme, name="Later", on_sale_at=soon, off_sale_at=soon + timedelta(days=1))
    make_event(acme, name="Paused", state="paused")
    assert names(api.get(URL, {"on_sale": "true"})) == ["Opening Night"]
    assert sorted(names(api.get(URL, {"on_sale": "false"}))) == ["Later", "Paused"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("on_sale", "maybe"),
        ("on_sale", ""),
        ("organisation", "no such/slug"),
        ("organisation", "x" * 51),
        ("q", "x" * 101),
        ("q", "a\0b"),
        ("cursor", ""),
        ("cursor", "nonsense"),
        ("cursor", "AAAA"),
        ("cursor", "WzEsMiwzXQ"),
        ("cursor", "é"),
        ("cursor", "WzAsICIyMDI2LTAxLTAxVDAwOjAwOjAwIiwgIngiXQ"),
        ("limit", "0"),
        ("limit", "101"),
        ("limit", "-1"),
        ("limit", "x"),
        ("limit", "9" * 5000),
        ("page", "2"),
    ],
)
def test_refuses_a_bad_parameter(api: APIClient, event: Event, name: str, value: str) -> None:
    problem = assert_problem(api.get(URL, {name: value}), 400, "invalid")
    assert list(problem["errors"]) == [name]


def test_turns_pages_both_ways_though_events_start_together(
    api: APIClient, acme: Organisation
) -> None:
    start = timezone.now() + timedelta(days=40)
    for number in range(7):
        make_event(acme, name=f"Show {number}", starts_at=start, rows="A", seats_a_row=1)
    everything = names(api.get(URL))
    assert len(everything) == 7

    pages, url = [], f"{URL}?limit=3&organisation=acme"
    while url:
        page = api.get(url)
        pages.append(names(page))
        last, url = page.json(), page.json()["next"]
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [name for page in pages for name in page] == everything

    back = names(api.get(last["previous"]))
    assert back == pages[1]
    first = api.get(api.get(last["previous"]).json()["previous"])
    assert names(first) == pages[0]
    assert first.json()["previous"] is None


def test_lists_in_the_order_of_their_start(api: APIClient, acme: Organisation) -> None:
    now = timezone.now()
    for days in (9, 1, 5):
        make_event(acme, name=f"In {days}", starts_at=now + timedelta(days=days))
    assert names(api.get(URL)) == ["In 1", "In 5", "In 9"]


def test_lists_with_as_many_queries_however_many_events_there_are(
    api: APIClient, acme: Organisation, django_assert_max_num_queries: Any
) -> None:
    for _ in range(5):
        make_event(acme, rows="A", seats_a_row=1)
    with django_assert_max_num_queries(3):
        assert len(names(api.get(URL))) == 5
