"""Buying a seat over the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import psycopg
import psycopg_pool
import pytest
from django.db import OperationalError
from rest_framework.test import APIClient

from accounts.models import Organisation, User
from sales.models import Event, LedgerEntry, Order, Seat, SeatStatus
from tests.helpers.api_calls import ApiAs, assert_nothing_sold, assert_problem, buy
from tests.helpers.cast import make_event
from worldseat.dsql.occ import OutcomeUnknown

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("form")]


def test_sells_a_seat(api_as: ApiAs, fay: User, event: Event, seat: Seat) -> None:
    answer = buy(api_as(fay), event, seat)

    assert answer.status_code == 201
    order = Order.objects.get()
    ticket = order.tickets.get()
    assert answer.json() == {
        "id": str(order.pk),
        "reference": order.reference,
        "event": {
            "id": str(event.pk),
            "name": "Opening Night",
            "starts_at": event.starts_at.isoformat().replace("+00:00", "Z"),
        },
        "state": "paid",
        "total": {"amount": 4500, "currency": "EUR"},
        "fees": {"amount": 0, "currency": "EUR"},
        "refunded": {"amount": 0, "currency": "EUR"},
        "region": "us-east-1",
        "created_at": order.created_at.isoformat().replace("+00:00", "Z"),
        "tickets": [
            {
                "id": str(ticket.pk),
                "seat": {
                    "id": str(seat.pk),
                    "guid": "Floor-A-1",
                    "section": "Floor",
                    "row": "A",
                    "number": "1",
                    "label": "A-1",
                },
                "state": "valid",
                "price": {"amount": 4500, "currency": "EUR"},
                "fee": {"amount": 0, "currency": "EUR"},
                "price_type": "",
            }
        ],
    }
    assert not answer.has_header("Idempotency-Replayed")
    seat.refresh_from_db()
    assert seat.status == SeatStatus.SOLD
    assert order.fan == fay
    assert LedgerEntry.objects.get().amount_minor == 4500


def test_refuses_a_sold_seat(
    api_as: ApiAs, fay: User, charlie: User, event: Event, seat: Seat
) -> None:
    buy(api_as(fay), event, seat)
    problem = assert_problem(buy(api_as(charlie), event, seat), 409, "seat-taken")
    assert problem["seats"] == [str(seat.pk)]
    assert Order.objects.get().fan == fay


def test_says_when_the_sale_starts(api_as: ApiAs, fay: User, event: Event, seat: Seat) -> None:
    event.on_sale_at += timedelta(days=1)
    event.save()
    problem = assert_problem(buy(api_as(fay), event, seat), 409, "not-on-sale")
    assert problem["on_sale_at"] == event.on_sale_at.isoformat().replace("+00:00", "Z")
    assert not Order.objects.exists()


def test_says_that_the_sale_is_paused(api_as: ApiAs, fay: User, event: Event, seat: Seat) -> None:
    Event.objects.update(state="paused")
    problem = assert_problem(buy(api_as(fay), event, seat), 409, "not-on-sale")
    assert "paused" in problem["detail"]


def test_stops_at_the_limit(api_as: ApiAs, fay: User, event: Event, seats: list[Seat]) -> None:
    Event.objects.update(limit_per_fan=1)
    buy(api_as(fay), event, seats[0], key="one")
    problem = assert_problem(buy(api_as(fay), event, seats[1], key="two"), 403, "limit-reached")
    assert problem["limit"] == 1
    assert Order.objects.count() == 1


@pytest.mark.django_db  # no transaction is opened
def test_needs_a_token(api: APIClient, event: Event, seat: Seat) -> None:
    answer = buy(api, event, seat)
    assert_problem(answer, 401, "not-authenticated")
    assert answer["WWW-Authenticate"] == "Bearer"
    assert_nothing_sold()


def test_does_not_know_the_seat_of_another_event(
    api_as: ApiAs, fay: User, rival: Organisation, seat: Seat
) -> None:
    other = make_event(rival)
    assert_problem(buy(api_as(fay), other, seat), 404, "not-found")
    assert_problem(buy(api_as(fay), seat.event, str(uuid4())), 404, "not-found")
    assert_nothing_sold()


@pytest.mark.parametrize("who", ["fay", "charlie", "alice"])
def test_sells_no_seat_of_a_draft(
    api_as: ApiAs, draft: Event, who: str, request: pytest.FixtureRequest
) -> None:
    user: User = request.getfixturevalue(who)
    seat = draft.seats.first()
    assert_problem(buy(api_as(user), draft, seat), 404, "not-found")
    assert_nothing_sold()


@pytest.mark.django_db  # no transaction is opened
@pytest.mark.parametrize(
    "seat",
    [None, 1, True, 10**400, "", "A-1", ["x"], {"id": "x"}, "\0", "\ud800", "x" * 5000],
)
def test_refuses_what_is_no_seat(api_as: ApiAs, fay: User, event: Event, seat: Any) -> None:
    problem = assert_problem(buy(api_as(fay), event, seat), 400, "invalid")
    assert list(problem["errors"]) in (["seat"], ["body"])
    assert_nothing_sold()


@pytest.mark.django_db  # no transaction is opened
@pytest.mark.parametrize("body", [[], ["x"], "x", 1, None, {}, {"seats": []}])
def test_refuses_what_is_no_purchase(api_as: ApiAs, fay: User, event: Event, body: Any) -> None:
    url = f"/api/v1/events/{event.pk}/purchases/"
    answer = api_as(fay).post(url, body, headers={"Idempotency-Key": "k"})
    assert_problem(answer, 400, "invalid")
    assert_nothing_sold()


@pytest.mark.django_db  # no transaction is opened
def test_refuses_a_field_it_does_not_know(
    api_as: ApiAs, fay: User, event: Event, seat: Seat
) -> None:
    url = f"/api/v1/events/{event.pk}/purchases/"
    body = {"seat": str(seat.pk), "discount": 100}
    answer = api_as(fay).post(url, body, headers={"Idempotency-Key": "k"})
    assert list(assert_problem(answer, 400, "invalid")["errors"]) == ["discount"]
    assert_nothing_sold()


@pytest.mark.django_db  # no transaction is opened
@pytest.mark.parametrize(
    ("error", "claims"),
    [
        (psycopg.errors.SerializationFailure("change conflicts (OC000)"), "Nothing was changed"),
        (psycopg.OperationalError("the connection is closed"), "Nothing was changed"),
        (psycopg.errors.TooManyConnections("too many open connections"), "Nothing was changed"),
        (psycopg_pool.PoolTimeout("couldn't get a connection"), "Nothing was changed"),
        (OutcomeUnknown("lost in COMMIT"), "may or may not"),
    ],
)
def test_says_busy_when_the_database_does_not_settle(
    api_as: ApiAs,
    fay: User,
    event: Event,
    seat: Seat,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    claims: str,
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        if isinstance(error, psycopg.Error):
            raise OperationalError(*error.args) from error
        raise error

    monkeypatch.setattr("sales.api.purchases.purchase", fail)
    monkeypatch.setattr("sales.api.lean.purchase", fail)
    answer = buy(api_as(fay), event, seat)
    problem = assert_problem(answer, 503, "busy")
    assert answer["Retry-After"] == "1"
    assert claims in problem["detail"]
    if claims == "may or may not":
        assert "Nothing" not in problem["detail"]
        assert "same Idempotency-Key" in problem["detail"]
    assert_nothing_sold()
