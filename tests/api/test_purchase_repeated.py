"""A purchase that is sent again with its Idempotency-Key."""

from __future__ import annotations

import pytest

from accounts.models import User
from sales.models import Event, Order, Seat, StoredAnswer
from tests.helpers.api_calls import ApiAs, assert_nothing_sold, assert_problem, buy

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("form")]


def test_gets_the_first_answer(api_as: ApiAs, fay: User, event: Event, seat: Seat) -> None:
    api = api_as(fay)
    first = buy(api, event, seat)
    again = buy(api, event, seat)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert not first.has_header("Idempotency-Replayed")
    assert again["Idempotency-Replayed"] == "true"
    assert Order.objects.count() == 1


def test_gets_the_first_refusal_even_if_the_seat_is_free_by_now(
    api_as: ApiAs, fay: User, event: Event, seat: Seat
) -> None:
    Seat.objects.update(status="blocked")
    api = api_as(fay)
    first = buy(api, event, seat)
    Seat.objects.update(status="available")
    again = buy(api, event, seat)
    assert assert_problem(again, 409, "seat-taken") == first.json()
    assert again["Idempotency-Replayed"] == "true"
    assert not first.has_header("Idempotency-Replayed")
    assert not Order.objects.exists()


def test_may_succeed_after_it_was_not_understood(
    api_as: ApiAs, fay: User, event: Event, seat: Seat
) -> None:
    """400 and 404 say that nothing was tried: they are not kept."""
    api = api_as(fay)
    assert_problem(buy(api, event, "A-1"), 400, "invalid")
    assert_problem(buy(api, event, str(event.pk)), 404, "not-found")
    assert not StoredAnswer.objects.exists()
    assert buy(api, event, seat).status_code == 201


def test_is_refused_with_another_body(
    api_as: ApiAs, fay: User, event: Event, seats: list[Seat]
) -> None:
    api = api_as(fay)
    buy(api, event, seats[0])
    assert_problem(buy(api, event, seats[1]), 422, "idempotency-key-reused")
    assert Order.objects.count() == 1


def test_is_refused_with_another_body_after_a_refusal(
    api_as: ApiAs, fay: User, event: Event, seats: list[Seat]
) -> None:
    Seat.objects.update(status="blocked")
    api = api_as(fay)
    buy(api, event, seats[0])
    assert_problem(buy(api, event, seats[1]), 422, "idempotency-key-reused")


@pytest.mark.django_db  # no transaction is opened
def test_needs_a_key(api_as: ApiAs, fay: User, event: Event, seat: Seat) -> None:
    assert_problem(buy(api_as(fay), event, seat, key=None), 400, "idempotency-key-missing")
    assert_nothing_sold()


@pytest.mark.django_db  # no transaction is opened
@pytest.mark.parametrize("key", ["", "x" * 256, "a\0b", "a\tb", "\x7f"])
def test_refuses_a_key_that_is_none(
    api_as: ApiAs, fay: User, event: Event, seat: Seat, key: str
) -> None:
    problem = assert_problem(buy(api_as(fay), event, seat, key=key), 400, "invalid")
    assert list(problem["errors"]) == ["Idempotency-Key"]
    assert_nothing_sold()


@pytest.mark.parametrize("key", ["x", "x" * 255, "ünïcode", "'; DROP TABLE sales_seat; --"])
def test_takes_any_key(api_as: ApiAs, fay: User, event: Event, seat: Seat, key: str) -> None:
    api = api_as(fay)
    assert buy(api, event, seat, key=key).status_code == 201
    assert buy(api, event, seat, key=key)["Idempotency-Replayed"] == "true"


def test_never_meets_the_key_of_another_fan(
    api_as: ApiAs, fay: User, charlie: User, event: Event, seats: list[Seat]
) -> None:
    buy(api_as(fay), event, seats[0], key="same")
    answer = buy(api_as(charlie), event, seats[1], key="same")
    assert answer.status_code == 201
    assert not answer.has_header("Idempotency-Replayed")
