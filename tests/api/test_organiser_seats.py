"""Seats for organisers' programs: listed by keyset, changed together."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from accounts.api_keys import create_key
from accounts.models import Organisation, User
from sales.models import BulkJob, Event, Seat, SeatStatus
from tests.helpers.api_calls import ApiAs, assert_problem
from tests.helpers.purchases import buy

pytestmark = pytest.mark.django_db(transaction=True)


def seats_of(event: Event) -> str:
    return f"/api/v1/organiser/events/{event.pk}/seats/"


def test_lists_seats_page_by_page(api_as: ApiAs, alice: User, event: Event) -> None:
    alices, found, after = api_as(alice), [], None
    for _ in range(4):
        query = {"limit": 5, **({"after": after} if after else {})}
        page = alices.get(seats_of(event), query).json()
        found += [f"{each['row']}-{each['number']}" for each in page["results"]]
        after = page["next_after"]
        if after is None:
            break
    assert found == [f"{row}-{number}" for row in "AB" for number in range(1, 7)]
    assert_problem(alices.get(seats_of(event), {"status": "lost"}), 400, "invalid")
    assert len(alices.get(seats_of(event), {"status": "available"}).json()["results"]) == 12


def test_changes_seats_and_tells_what_came_of_each(
    api_as: ApiAs, alice: User, fay: User, event: Event, seats: list[Seat]
) -> None:
    buy(seats[0], fay)
    alices = api_as(alice)
    asked = {"filter": {"rows": "A"}, "set": {"blocked": True, "reason": "Camera"}}
    answer = alices.patch(seats_of(event), asked)
    assert answer.status_code == 200
    job = answer.json()
    assert (job["state"], job["report"]) == ("done", {"changed": 5, "refused: sold": 1})
    results = alices.get(f"/api/v1/organiser/jobs/{job['id']}/results/").json()
    assert results["next_batch"] is None
    assert results["results"][0]["outcome"] == "refused"
    assert Seat.objects.filter(status=SeatStatus.BLOCKED).count() == 5
    released = alices.patch(
        seats_of(event), {"filter": {"labels": "A-2, Z-1"}, "set": {"blocked": False}}
    ).json()
    assert released["report"] == {"changed": 1}
    assert released["unknown"] == ["Z-1: there is no such seat"]
    by_ids = {"filter": {"seats": [str(seats[7].pk)]}, "set": {"accessible": True}}
    assert alices.patch(seats_of(event), by_ids).json()["report"] == {"changed": 1}


def test_begins_a_job_where_they_are_many(
    api_as: ApiAs, alice: User, event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sales.organising.jobs.AT_ONCE", 3)
    monkeypatch.setattr("sales.tasks.bulk_job.delay", lambda job_id: None)
    alices = api_as(alice)
    answer = alices.patch(seats_of(event), {"filter": {"rows": "A"}, "set": {"accessible": True}})
    assert answer.status_code == 202
    told = alices.get(f"/api/v1/organiser/jobs/{answer.json()['id']}/").json()
    assert (told["state"], told["done"], told["total"]) == ("waiting", 0, 6)
    assert not Seat.objects.filter(accessible=True).exists()


def test_refuses_what_says_too_little_or_too_much(api_as: ApiAs, alice: User, event: Event) -> None:
    alices = api_as(alice)
    for asked in (
        {"filter": {}, "set": {"accessible": True}},
        {"filter": {"rows": "A"}, "set": {}},
        {"filter": {"rows": "A"}, "set": {"accessible": True, "blocked": True}},
        {"filter": {"rows": "A"}, "set": {"blocked": True}},  # without a reason
        {"filter": {"rows": "B-A"}, "set": {"blocked": False}},
        {"filter": {"labels": "Z-1"}, "set": {"blocked": False}},
        {"filter": {"rows": "A"}, "set": {"category": str(event.pk)}},
    ):
        assert_problem(alices.patch(seats_of(event), asked), 400, "invalid")
    assert not Seat.objects.exclude(status=SeatStatus.AVAILABLE).exists()


def test_is_closed_to_others(
    api_as: ApiAs, alice: User, bob: User, charlie: User, event: Event
) -> None:
    cache.clear()
    asked = {"filter": {"rows": "A"}, "set": {"accessible": True}}
    assert_problem(api_as(charlie).get(seats_of(event)), 404, "not-found")
    assert_problem(api_as(charlie).patch(seats_of(event), asked), 404, "not-found")
    assert_problem(api_as(bob).patch(seats_of(event), asked), 403, "permission-denied")
    assert not Seat.objects.filter(accessible=True).exists()
    job = api_as(alice).patch(seats_of(event), asked).json()["id"]
    for address in (f"/api/v1/organiser/jobs/{job}/", f"/api/v1/organiser/jobs/{job}/results/"):
        assert_problem(api_as(charlie).get(address), 404, "not-found")


def test_admits_keys_by_their_scopes(
    api: APIClient, acme: Organisation, rival: Organisation, event: Event, now: datetime
) -> None:
    asked = {"filter": {"rows": "A"}, "set": {"accessible": True}}
    for organisation, scope, status in (
        (acme, "seats:read", 403),
        (rival, "seats:write", 404),
        (acme, "seats:write", 200),
    ):
        assert not Seat.objects.filter(accessible=True).exists()
        _, key = create_key(
            organisation_id=organisation.pk, name="App", scopes=[scope], created_by=None, now=now
        )
        api.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
        assert api.patch(seats_of(event), asked).status_code == status
    assert Seat.objects.filter(accessible=True).count() == 6
    assert BulkJob.objects.get().started_by is not None
