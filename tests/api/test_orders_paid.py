"""Paying for a hold, cancelling, refunding and exchanging over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from sales.models import Event, Order, Payment, Refund, Seat, SeatStatus, StoredAnswer, Ticket
from sales.payments.scripted import remembered
from tests.helpers.api_calls import ApiAs, assert_problem
from tests.helpers.payments import assert_paid_once, assert_sound, hold, paid, settle_later

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("instant_retries"),
]

Post = Callable[..., Any]


def post(api: APIClient, path: str, body: Any = None, *, key: str | None = "key-1") -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    return api.post(f"/api/v1/{path}", body, format="json", headers=headers)


def order(api: APIClient, held: Any, token: str = "tok_ok", **options: Any) -> Any:  # noqa: S107 - a test card
    provider = options.pop("provider", "test")
    payment = {"provider": provider, "token": token}
    return post(api, "orders/", {"hold": str(held.pk), "payment": payment}, **options)


@pytest.fixture
def lenient(event: Event, now: datetime) -> Event:
    """The event lets fans cancel by themselves."""
    Event.objects.update(fans_cancel_until=now + timedelta(days=1))
    return event


def test_pays_for_a_hold(api_as: ApiAs, event: Event, seats: list[Seat], fay: User) -> None:
    api = api_as(fay)
    first = order(api, hold(seats[:2], fay))
    assert first.status_code == 201, first.content
    made = first.json()
    assert (made["state"], made["total"]) == ("paid", {"amount": 9000, "currency": "EUR"})
    assert [ticket["seat"]["label"] for ticket in made["tickets"]] == ["A-1", "A-2"]
    assert api.get(f"/api/v1/orders/{made['id']}/").json() == made
    assert_paid_once(fay)
    assert_sound(event)


def test_pays_once_however_often_it_is_sent(
    api_as: ApiAs, event: Event, seats: list[Seat], fay: User
) -> None:
    api, held = api_as(fay), hold(seats[:2], fay)
    lost = order(api, held, "tok_late")
    problem = assert_problem(lost, 503, "busy")
    assert lost["Retry-After"]
    assert problem["order"] == str(Order.objects.get().pk)
    second = order(api, held, "tok_late")
    third = order(api, held, "tok_late")
    assert (second.status_code, third.status_code) == (201, 201)
    assert third.json() == second.json()
    assert third["Idempotency-Replayed"] == "true"
    assert_problem(order(api, held), 422, "idempotency-key-reused")
    assert_paid_once(fay)


def test_says_why_a_payment_was_refused(
    api_as: ApiAs, event: Event, seats: list[Seat], fay: User
) -> None:
    api, held = api_as(fay), hold(seats[:1], fay)
    refused = order(api, held, "tok_refused")
    problem = assert_problem(refused, 402, "payment-refused")
    assert "no money" in problem["detail"]
    assert order(api, held, "tok_refused").json() == problem
    assert order(api, held, key="key-2").status_code == 201
    failed = api.get(f"/api/v1/orders/{problem['order']}/").json()
    assert (failed["state"], failed["tickets"]) == ("failed", [])
    assert_sound(event)


def test_says_that_the_hold_was_lost_and_the_money_is_not_kept(
    api_as: ApiAs, event: Event, seats: list[Seat], fay: User
) -> None:
    api, held = api_as(fay), hold(seats[:1], fay)
    assert_problem(order(api, held, "tok_timeout"), 503, "busy")
    assert_problem(order(api, held, key="other"), 409, "request-in-progress")
    settle_later()
    problem = assert_problem(order(api, held, "tok_timeout"), 410, "hold-expired")
    assert problem["order"] == str(Order.objects.get().pk)
    assert remembered(Payment.objects.get().pk)["state"] == "voided"
    assert_problem(order(api, held, key="other"), 410, "hold-expired")


def test_refuses_what_makes_no_order(
    api_as: ApiAs, seats: list[Seat], fay: User, charlie: User
) -> None:
    api, held = api_as(fay), hold(seats[:1], fay)
    assert_problem(order(api, held, key=None), 400, "idempotency-key-missing")
    unknown = assert_problem(order(api, held, provider="magic"), 400, "invalid")
    assert list(unknown["errors"]) == ["payment.provider"]
    for body in ({}, {"hold": str(held.pk)}, {"hold": str(held.pk), "payment": "cash"}):
        assert_problem(post(api, "orders/", body), 400, "invalid")
    more = {"hold": str(held.pk), "payment": {"provider": "test", "tip": 5}}
    assert_problem(post(api, "orders/", more), 400, "invalid")
    assert_problem(order(api_as(charlie), held), 404, "not-found")
    assert_problem(order(api, held, provider="box_office"), 403, "permission-denied")
    assert_problem(order(APIClient(), held), 401, "not-authenticated")
    assert not Order.objects.exists()
    assert not StoredAnswer.objects.exists()


def test_cancels_an_order_of_ones_own(
    api_as: ApiAs, lenient: Event, seats: list[Seat], fay: User, charlie: User
) -> None:
    bought = paid(seats[:2], fay)
    path = f"orders/{bought.pk}/cancel/"
    assert_problem(post(api_as(charlie), path), 404, "not-found")
    api = api_as(fay)
    done = post(api, path, key=None)
    assert done.status_code == 200, done.content
    made = done.json()
    assert (made["state"], made["refunded"]["amount"]) == ("cancelled", 9000)
    assert {ticket["state"] for ticket in made["tickets"]} == {"void"}
    assert post(api, path, key=None).json() == made
    assert Refund.objects.get().state == "done"
    assert_sound(lenient)


def test_cancels_nothing_too_late(
    api_as: ApiAs, event: Event, seats: list[Seat], fay: User, now: datetime
) -> None:
    bought = paid(seats[:1], fay)
    path = f"orders/{bought.pk}/cancel/"
    never = assert_problem(post(api_as(fay), path), 409, "too-late")
    assert never["until"] is None
    Event.objects.update(fans_cancel_until=now)
    late = assert_problem(post(api_as(fay), path), 409, "too-late")
    assert late["until"]
    Event.objects.update(fans_cancel_until=now + timedelta(days=1))
    Ticket.objects.update(admitted_at=now)
    assert_problem(post(api_as(fay), path), 409, "already-admitted")
    Order.objects.update(state="pending")
    assert_problem(post(api_as(fay), path), 409, "order-not-paid")
    assert not Refund.objects.exists()


def test_refunds_for_the_box_office(
    api_as: ApiAs, event: Event, seats: list[Seat], fay: User, bob: User
) -> None:
    bought = paid(seats[:2], fay)
    path, api = f"organiser/orders/{bought.pk}/refund/", api_as(bob)
    first, second = (str(ticket.pk) for ticket in bought.tickets.order_by("seat__position"))
    some = post(api, path, {"amount": 500, "reason": "Obstructed view"})
    assert some.status_code == 201, some.content
    assert some.json()["amount"] == {"amount": 500, "currency": "EUR"}
    again = post(api, path, {"amount": 500, "reason": "Obstructed view"})
    assert again.json() == some.json()
    assert again["Idempotency-Replayed"] == "true"
    broken = {"tickets": [first], "reason": "Broken seat", "release": False}
    one = post(api, path, broken, key="key-2").json()
    assert (one["amount"]["amount"], one["order"]["refunded"]["amount"]) == (4500, 5000)
    assert Seat.objects.get(pk=seats[0].pk).status == SeatStatus.BLOCKED
    assert_problem(post(api, path, broken, key="key-3"), 409, "ticket-void")
    much = post(api, path, {"amount": 4001, "reason": "More"}, key="key-4")
    left = assert_problem(much, 409, "refund-too-large")["refundable"]
    assert left == {"amount": 4000, "currency": "EUR"}
    rest = post(api, path, {"tickets": [second], "reason": "Rest"}, key="key-5").json()
    assert (rest["amount"]["amount"], rest["order"]["state"]) == (4000, "cancelled")
    assert_problem(post(api, path, {"reason": "x"}, key="key-6"), 409, "order-not-paid")
    assert remembered(Payment.objects.get().pk)["refunded"] == "9000"
    assert_sound(event)


def test_refunds_nothing_of_anothers_or_without_sense(
    api_as: ApiAs, event: Event, seats: list[Seat], fay: User, bob: User, charlie: User
) -> None:
    bought, other = paid(seats[:1], fay), paid(seats[1:2], charlie)
    path = f"organiser/orders/{bought.pk}/refund/"
    assert_problem(post(api_as(charlie), path, {"reason": "x"}), 404, "not-found")
    assert_problem(post(api_as(fay), path, {"reason": "x"}), 403, "permission-denied")
    strange = str(other.tickets.get().pk)
    mine = str(bought.tickets.get().pk)
    for body in (
        {},
        {"reason": "x", "amount": 0},
        {"reason": "x", "amount": "5"},
        {"reason": "x", "amount": True},
        {"reason": "x", "amount": -1},
        {"reason": "x", "amount": 1, "release": True},
        {"reason": "x", "release": "yes"},
        {"reason": "x", "tickets": []},
        {"reason": "x", "tickets": [mine, mine]},
        {"reason": "x", "tickets": [strange]},
    ):
        assert_problem(post(api_as(bob), path, body), 400, "invalid")
    assert_problem(
        post(api_as(bob), path, {"reason": "x"}, key=None), 400, "idempotency-key-missing"
    )
    assert not Refund.objects.exists()
    assert_sound(event)


def test_exchanges_a_ticket(
    api_as: ApiAs, lenient: Event, seats: list[Seat], fay: User, charlie: User
) -> None:
    bought = paid(seats[:1], fay)
    old = bought.tickets.get()
    path, api = f"tickets/{old.pk}/exchange/", api_as(fay)
    assert_problem(post(api_as(charlie), path, {"seat": str(seats[6].pk)}), 404, "not-found")
    done = post(api, path, {"seat": str(seats[6].pk)}, key="key-2")
    assert done.status_code == 201, done.content
    made = done.json()
    assert made["order"] == str(bought.pk)
    assert made["ticket"]["seat"]["label"] == "B-1"
    assert made["paid"] == {"amount": -2000, "currency": "EUR"}
    assert post(api, path, {"seat": str(seats[6].pk)}, key="key-2").json() == made
    assert_problem(post(api, path, {"seat": str(seats[7].pk)}, key="3"), 409, "ticket-void")
    new = f"tickets/{made['ticket']['id']}/exchange/"
    dear = assert_problem(post(api, new, {"seat": str(seats[0].pk)}, key="4"), 409, "too-dear")
    assert dear["more"]["amount"] == 2000
    assert_problem(post(api, new, {"seat": str(lenient.pk)}, key="5"), 404, "not-found")
    assert_sound(lenient)


def test_exchanges_at_the_box_office(
    api_as: ApiAs, event: Event, seats: list[Seat], fay: User, bob: User, charlie: User
) -> None:
    bought = paid(seats[6:7], fay)
    path = f"organiser/tickets/{bought.tickets.get().pk}/exchange/"
    wanted = {"seat": str(seats[0].pk)}
    assert_problem(post(api_as(fay), path, wanted), 403, "permission-denied")
    assert_problem(post(api_as(charlie), path, wanted), 404, "not-found")
    done = post(api_as(bob), path, wanted)
    assert done.status_code == 201, done.content
    assert done.json()["paid"]["amount"] == 2000
    bought.refresh_from_db()
    assert bought.total_minor == 4500
    assert_sound(event)
