"""The waitlist over HTTP."""

from __future__ import annotations

from datetime import datetime

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from sales.models import Event, Seat, WaitlistEntry
from sales.offering import offer_returned_seats
from sales.waitlist import WaitlistRules, set_waitlist
from tests.helpers.api_calls import ApiAs, assert_problem

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sold_out(event: Event, seats: list[Seat], now: datetime) -> Event:
    """The event: sold out, with a waitlist."""
    Seat.objects.update(status="sold", changed_at=now)
    set_waitlist(event_id=event.pk, rules=WaitlistRules(is_on=True), now=now)
    return event


def path(event: Event) -> str:
    return f"/api/v1/events/{event.pk}/waitlist/"


def test_from_enlisting_to_the_ticket(
    sold_out: Event, seat: Seat, fay: User, api_as: ApiAs, now: datetime
) -> None:
    api = api_as(fay)
    entry = api.post(path(sold_out), {"quantity": 1}).json()
    assert (entry["state"], entry["hold"]) == ("waiting", None)
    Seat.objects.filter(pk=seat.pk).update(status="available", changed_at=now)
    offer_returned_seats(event_id=sold_out.pk, now=now)
    offered = api.get(path(sold_out)).json()
    assert offered["state"] == "offered"
    assert offered["offer_expires_at"]
    paid = api.post(
        "/api/v1/orders/",
        {"hold": offered["hold"], "payment": {"provider": "test", "token": "tok_ok"}},
        headers={"Idempotency-Key": "k"},
    )
    assert paid.status_code == 201
    assert api.get(path(sold_out)).json()["state"] == "bought"


def test_is_left_and_joined_anew(sold_out: Event, fay: User, api_as: ApiAs) -> None:
    api = api_as(fay)
    assert_problem(api.get(path(sold_out)), 404, "not-found")
    assert_problem(api.delete(path(sold_out)), 404, "not-found")
    api.post(path(sold_out), {"quantity": 1})
    assert api.delete(path(sold_out)).status_code == 204
    assert api.delete(path(sold_out)).status_code == 204
    assert api.get(path(sold_out)).json()["state"] == "left"
    assert api.post(path(sold_out), {"quantity": 2}).json()["state"] == "waiting"
    assert WaitlistEntry.objects.get().quantity == 2


def test_refuses_what_cannot_be(
    event: Event, draft: Event, fay: User, api: APIClient, api_as: ApiAs
) -> None:
    fan = api_as(fay)
    assert_problem(api.post(path(event), {"quantity": 1}), 401, "not-authenticated")
    assert_problem(fan.post(path(event), {"quantity": 1}), 409, "waitlist-closed")
    assert_problem(fan.post(path(draft), {"quantity": 1}), 404, "not-found")
    for body in ({}, {"quantity": 0}, {"quantity": "1"}, {"quantity": 1, "more": 1}):
        assert_problem(fan.post(path(event), body), 400, "invalid")
    assert not WaitlistEntry.objects.exists()


def test_refuses_more_than_the_event_allows(sold_out: Event, fay: User, api_as: ApiAs) -> None:
    problem = assert_problem(
        api_as(fay).post(path(sold_out), {"quantity": 5}), 403, "limit-reached"
    )
    assert problem["limit"] == 4
