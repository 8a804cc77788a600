"""The waiting room over HTTP."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from sales.models import Event, QueuePlace, Seat
from sales.waiting_room.desk import desk
from tests.helpers.api_calls import ApiAs, assert_problem, buy
from tests.helpers.crowd import open_room

pytestmark = pytest.mark.django_db(transaction=True)


def path(event: Event, ticket: str = "") -> str:
    return f"/api/v1/events/{event.pk}/queue/" + (f"{ticket}/" if ticket else "")


def start_now(event: Event) -> None:
    """Let the sale start, whoever has joined, and everybody hear of it at once."""
    Event.objects.filter(pk=event.pk).update(on_sale_at=timezone.now())
    desk.forget(event.pk)


def test_from_joining_to_the_ticket(event: Event, seat: Seat, fay: User, api_as: ApiAs) -> None:
    open_room(event, timezone.now() + timedelta(minutes=5), rate_per_minute=6000)
    api = api_as(fay)
    place = api.post(path(event))
    assert (place.status_code, place.json()["state"]) == (201, "before-sale")
    assert 0 < int(place["Retry-After"]) <= 60
    draw = place.json()["draw"]
    assert (draw["seed"], draw["value"], place.json()["ahead"]) == (None, None, None)
    ticket = place.json()["ticket"]
    api.get(path(event, ticket))
    start_now(event)
    told: Any = {}
    while not told.get("pass"):
        told = APIClient().get(path(event, ticket)).json()
    assert told["state"] == "admitted"
    # What anybody can check: the seed is the one that was promised, and the draw is made of it.
    seed = bytes.fromhex(told["draw"]["seed"])
    assert hashlib.sha256(seed).hexdigest() == draw["commitment"]
    digest = hmac.digest(seed, UUID(told["id"]).bytes, "sha256")
    assert told["draw"]["value"] == (int.from_bytes(digest[:8]) >> 11) / 2**53
    assert_problem(buy(api, event, seat, key="a"), 403, "queue-pass-required")
    api.credentials(**api._credentials, HTTP_QUEUE_PASS=told["pass"]["token"])  # type: ignore[attr-defined] # private
    assert buy(api, event, seat, key="a").status_code == 201


def test_the_pass_of_a_stolen_ticket_buys_nothing_for_the_thief(
    event: Event, seat: Seat, fay: User, bob: User, api_as: ApiAs, now: datetime
) -> None:
    open_room(event, now)
    ticket = api_as(fay).post(path(event)).json()["ticket"]
    thief = api_as(bob)
    told: Any = {}
    while not told.get("pass"):
        desk.forget(event.pk)
        told = thief.get(path(event, ticket)).json()
    thief.credentials(**thief._credentials, HTTP_QUEUE_PASS=told["pass"]["token"])  # type: ignore[attr-defined] # private
    assert_problem(buy(thief, event, seat), 403, "queue-pass-required")


def test_is_joined_by_fans_who_are_logged_in_while_it_is_open(
    event: Event, draft: Event, fay: User, api: APIClient, api_as: ApiAs, now: datetime
) -> None:
    fan = api_as(fay)
    assert_problem(fan.post(path(event)), 404, "not-found")
    assert_problem(fan.post(f"/api/v1/events/{uuid4()}/queue/"), 404, "not-found")
    open_room(event, now, opens_at=now + timedelta(hours=1))
    assert_problem(api.post(path(event)), 401, "not-authenticated")
    problem = assert_problem(fan.post(path(event)), 409, "queue-closed")
    assert problem["opens_at"]
    open_room(event, now, is_on=False)
    assert_problem(fan.post(path(event)), 409, "queue-closed")
    open_room(draft, now)
    assert_problem(fan.post(path(draft)), 409, "queue-closed")
    assert not QueuePlace.objects.exists()


def test_knows_its_own_tickets_only(event: Event, draft: Event, fay: User, api_as: ApiAs) -> None:
    open_room(event, timezone.now())
    open_room(draft, timezone.now())
    api = api_as(fay)
    ticket = api.post(path(event)).json()["ticket"]
    changed = ticket[:9] + ("A" if ticket[9] != "A" else "B") + ticket[10:]
    for other in (ticket[:-1], changed, "x", str(uuid4())):
        assert_problem(api.get(path(event, other)), 404, "not-found")
    assert_problem(api.get(path(draft, ticket)), 404, "not-found")


def test_a_poll_costs_no_query(
    event: Event,
    fay: User,
    api_as: ApiAs,
    django_assert_num_queries: Any,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Once a second a poll reads anew for all, and writes who joined: not while this looks.
    monkeypatch.setattr("sales.waiting_room.desk.FRESH_FOR", timedelta(hours=1))
    monkeypatch.setattr("sales.waiting_room.roll.WRITE_EVERY", timedelta(hours=1))
    open_room(event, now + timedelta(minutes=5))
    api = api_as(fay)
    ticket = api.post(path(event)).json()["ticket"]
    api.get(path(event, ticket))
    with django_assert_num_queries(0):
        assert api.get(path(event, ticket)).status_code == 200
