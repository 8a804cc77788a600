"""A purchase over the API waits for the database as seldom as it can, authentication included."""

from __future__ import annotations

import pytest
from django.db import connection
from pytest_django import Settings

from accounts.models import User
from sales.models import Event, Order, Seat, SeatStatus
from tests.helpers.api_calls import ApiAs, buy
from tests.helpers.round_trips import counted_round_trips

pytestmark = pytest.mark.django_db(transaction=True)

# BEGIN and the read; the writes and COMMIT.
LEAN = 2
# The token; BEGIN, the earlier answer, the seat, seat, allowance, order, ticket, ledger, outbox,
# answer, COMMIT.
NAIVE = 12


@pytest.mark.parametrize(("lean", "most"), [(True, LEAN), (False, NAIVE)])
def test_a_sale(
    api_as: ApiAs,
    fay: User,
    event: Event,
    seats: list[Seat],
    settings: Settings,
    lean: bool,
    most: int,
) -> None:
    settings.LEAN_PURCHASES = lean
    api = api_as(fay)
    assert buy(api, event, seats[0], key="first").status_code == 201
    with counted_round_trips() as waits:
        answer = buy(api, event, seats[1], key="second")
    assert answer.status_code == 201
    assert len(waits) <= most, waits


def test_a_refusal_of_a_sold_seat(api_as: ApiAs, fay: User, event: Event, seat: Seat) -> None:
    Seat.objects.update(status=SeatStatus.SOLD)
    api = api_as(fay)
    with counted_round_trips() as waits:
        answer = buy(api, event, seat)
    assert answer.status_code == 409
    assert len(waits) <= 2, waits


def test_a_repeat(api_as: ApiAs, fay: User, event: Event, seat: Seat) -> None:
    api = api_as(fay)
    buy(api, event, seat)
    with counted_round_trips() as waits:
        answer = buy(api, event, seat)
    assert answer["Idempotency-Replayed"] == "true"
    assert len(waits) <= 2, waits


def test_a_kept_connection_is_not_asked_whether_it_lives(
    api_as: ApiAs, fay: User, event: Event, seat: Seat
) -> None:
    """The check would be a round trip a request; the sale's own retry does without it."""
    api = api_as(fay)
    connection.health_check_enabled = True  # type: ignore[attr-defined] # stubs lack it
    connection.health_check_done = False  # type: ignore[attr-defined] # stubs lack it
    with counted_round_trips() as waits:
        assert buy(api, event, seat).status_code == 201
    assert not any("SELECT 1" in wait for wait in waits)
    assert Order.objects.count() == 1
