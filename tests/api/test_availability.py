"""Which seats can be had, and what has changed since one looked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Organisation, User
from sales.models import Event, Seat
from tests.helpers.api_calls import ApiAs, assert_problem, buy
from tests.helpers.cast import make_event

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def uncached(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every look read the database: tests do not wait for a second to pass."""
    monkeypatch.setattr("sales.occupancy.RENEW_AFTER", timedelta(0))


def look(api: APIClient, event: Event, since: str | None = None, **headers: str) -> Any:
    query = {} if since is None else {"since": since}
    return api.get(f"/api/v1/events/{event.pk}/availability/", query, headers=headers)


def test_counts_the_seats_of_each_category(api: APIClient, event: Event, seats: list[Seat]) -> None:
    Seat.objects.filter(pk=seats[0].pk).update(status="sold")
    Seat.objects.filter(pk=seats[7].pk).update(status="blocked")
    answer = look(api, event)
    assert answer.status_code == 200
    body = answer.json()
    assert body["age"] == 0
    front, back = (str(seats[at].category_id) for at in (0, 7))
    assert body["counts"] == [
        {"category": front, "available": 5, "held": 0, "sold": 1, "blocked": 0},
        {"category": back, "available": 5, "held": 0, "sold": 0, "blocked": 1},
    ]
    assert body["changed"] == [
        {"seat": str(seats[0].pk), "status": "sold"},
        {"seat": str(seats[7].pk), "status": "blocked"},
    ]


@pytest.mark.usefixtures("uncached")
def test_tells_what_has_changed_since(
    api_as: ApiAs, fay: User, event: Event, seats: list[Seat]
) -> None:
    api = api_as(fay)
    first = look(api, event).json()
    assert first["changed"] == []
    assert look(api, event, first["cursor"]).json()["changed"] == []
    buy(api, event, seats[2])
    second = look(api, event, first["cursor"]).json()
    assert second["changed"] == [{"seat": str(seats[2].pk), "status": "sold"}]
    assert second["counts"][0]["sold"] == 1


@pytest.mark.usefixtures("uncached")
def test_tells_that_a_seat_is_available_again(
    api: APIClient, event: Event, seat: Seat, now: Any
) -> None:
    Seat.objects.filter(pk=seat.pk).update(
        status="held", held_until=now + timedelta(minutes=1), changed_at=now
    )
    first = look(api, event).json()
    Seat.objects.filter(pk=seat.pk).update(status="available")
    again = look(api, event, first["cursor"]).json()
    assert again["changed"] == [{"seat": str(seat.pk), "status": "available"}]


@pytest.mark.usefixtures("uncached")
def test_need_not_be_fetched_again_while_nothing_changes(
    api_as: ApiAs, fay: User, event: Event, seat: Seat
) -> None:
    api = api_as(fay)
    first = look(api, event)
    tag = {"If-None-Match": first["ETag"]}
    assert first["Cache-Control"] == "private, no-cache"
    assert look(api, event, **tag).status_code == 304
    buy(api, event, seat)
    changed = look(api, event, **tag)
    assert changed.status_code == 200
    assert changed["ETag"] != first["ETag"]


def test_refuses_a_bad_cursor(api: APIClient, event: Event) -> None:
    for since in ("", "nonsense", "AAAA", "W10", "WzEsMiwzXQ", "é", "x" * 201, "a\0", "bnVsbA"):
        problem = assert_problem(look(api, event, since), 400, "invalid")
        assert list(problem["errors"]) == ["since"], since


def test_refuses_the_cursor_of_another_event(
    api: APIClient, event: Event, rival: Organisation
) -> None:
    cursor = look(api, make_event(rival)).json()["cursor"]
    assert_problem(look(api, event, cursor), 400, "invalid")


@pytest.mark.usefixtures("uncached")
def test_has_no_seats_while_the_plan_is_not_complete(
    api: APIClient, api_as: ApiAs, alice: User, event: Event
) -> None:
    Event.objects.update(plan=None)
    assert_problem(look(api, event), 404, "not-found")
    body = look(api_as(alice), event).json()
    assert (body["counts"], body["changed"]) == ([], [])


def test_is_read_with_three_queries(
    api: APIClient, event: Event, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(2 + 3):  # BEGIN and COMMIT make it one snapshot
        look(api, event)
