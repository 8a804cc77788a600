"""Venues and events for organisers' programs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.models import Organisation, User
from sales.models import Event, Venue
from tests.helpers.api_calls import ApiAs, assert_problem

pytestmark = pytest.mark.django_db(transaction=True)

EVENTS = "/api/v1/organiser/events/"


def new_event(venue: Venue, now: datetime, **changes: Any) -> dict[str, Any]:
    return {
        "venue": str(venue.pk),
        "name": "Premiere",
        "currency": "EUR",
        "starts_at": (now + timedelta(days=30)).isoformat(),
        "on_sale_at": now.isoformat(),
        "off_sale_at": (now + timedelta(days=29)).isoformat(),
        **changes,
    }


def test_makes_and_changes_an_event(
    api_as: ApiAs, alice: User, event: Event, now: datetime
) -> None:
    alices = api_as(alice)
    made = alices.post(EVENTS, new_event(event.venue, now, limit_per_fan=2))
    assert made.status_code == 201
    assert (made.json()["state"], made.json()["limit_per_fan"]) == ("draft", 2)
    address = f"{EVENTS}{made.json()['id']}/"
    changed = alices.patch(address, {"fee_minor": 150})
    assert changed.json()["fee_minor"] == 150
    assert alices.get(address).json()["fee_minor"] == 150
    assert len(alices.get(EVENTS).json()["results"]) == 2
    bad = alices.patch(address, {"off_sale_at": (now - timedelta(days=1)).isoformat()})
    assert_problem(bad, 400, "invalid")
    assert_problem(alices.patch(address, {"state": "published"}), 400, "invalid")
    assert_problem(alices.post(f"{address}publish/"), 409, "not-ready")


def test_pauses_resumes_and_closes(api_as: ApiAs, alice: User, event: Event) -> None:
    alices = api_as(alice)
    address = f"{EVENTS}{event.pk}/"
    for move, state in (("pause", "paused"), ("resume", "published"), ("close", "closed")):
        assert alices.post(f"{address}{move}/").json()["state"] == state
    assert_problem(alices.post(f"{address}publish/"), 409, "wrong-state")


def test_duplicates(api_as: ApiAs, alice: User, event: Event, now: datetime) -> None:
    later = new_event(event.venue, now, name="Again")
    del later["venue"], later["currency"]
    answer = api_as(alice).post(f"{EVENTS}{event.pk}/duplicate/", later)
    assert answer.status_code == 202
    told = answer.json()
    assert (told["job"]["state"], told["job"]["done"]) == ("done", 12)
    assert Event.objects.get(pk=told["event"]["id"]).seats.count() == 12


def test_makes_a_venue(api_as: ApiAs, alice: User, acme: Organisation) -> None:
    alices = api_as(alice)
    made = alices.post("/api/v1/organiser/venues/", {"name": "Barn"})
    assert made.status_code == 201
    assert Venue.objects.get(pk=made.json()["id"]).organisation == acme
    assert_problem(alices.post("/api/v1/organiser/venues/", {"name": "Barn"}), 400, "invalid")
    assert [each["name"] for each in alices.get("/api/v1/organiser/venues/").json()["results"]] == [
        "Barn"
    ]


def test_is_closed_to_others(
    api_as: ApiAs, bob: User, charlie: User, fay: User, event: Event, now: datetime
) -> None:
    address = f"{EVENTS}{event.pk}/"
    charlies, bobs = api_as(charlie), api_as(bob)
    assert_problem(charlies.get(address), 404, "not-found")
    assert_problem(charlies.patch(address, {"name": "Mine"}), 404, "not-found")
    assert_problem(charlies.post(f"{address}pause/"), 404, "not-found")
    assert_problem(charlies.post(EVENTS, new_event(event.venue, now)), 404, "not-found")
    assert charlies.get(EVENTS).json()["results"] == []
    assert bobs.get(address).status_code == 200
    assert_problem(bobs.post(f"{address}pause/"), 403, "permission-denied")
    assert_problem(api_as(fay).get(EVENTS), 403, "permission-denied")
    event.refresh_from_db()
    assert (event.name, event.state, Event.objects.count()) == ("Opening Night", "published", 1)
