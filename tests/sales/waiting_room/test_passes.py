"""While an event has a waiting room, a fan buys and holds with her own pass only."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.models import User
from sales.best_available.holding import Wish, hold_best_available
from sales.events import NotOnSale
from sales.holds import Wanted, hold_seats
from sales.models import Event, Hold, Order, Seat
from sales.purchases import purchase
from sales.waiting_room.tokens import Pass, QueuePassRequired, read_pass, sign_pass
from tests.helpers.api_calls import ApiAs, assert_problem, buy

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def queued(event: Event) -> Event:
    """The event, with its waiting room on."""
    event.has_waiting_room = True
    event.save()
    return event


def pass_for(event: Event, fan: User, now: datetime, **age: float) -> str:
    return sign_pass(Pass(event.pk, fan.pk, now + timedelta(**(age or {"minutes": 5}))))


def ways(event: Event, seat: Seat, fan: User, now: datetime, text: str) -> list[Any]:
    """Return what buys and holds, with a pass."""
    sale: dict[str, Any] = {
        "event_id": event.pk,
        "fan_id": fan.pk,
        "region": "us-east-1",
        "now": now,
        "queue_pass": text,
    }
    return [
        lambda: purchase(**sale, seat_id=seat.pk),
        lambda: hold_seats(**sale, wanted=[Wanted(seat.pk)]),
        lambda: hold_best_available(**sale, wish=Wish(1)),
    ]


def test_nothing_is_sold_or_held_without_a_pass(
    queued: Event, seat: Seat, fay: User, now: datetime
) -> None:
    for way in ways(queued, seat, fay, now, ""):
        with pytest.raises(QueuePassRequired):
            way()
    assert not Order.objects.exists()
    assert not Hold.objects.exists()


@pytest.mark.parametrize("way", [0, 1, 2])
def test_a_pass_buys_and_holds(
    queued: Event, seat: Seat, fay: User, now: datetime, way: int
) -> None:
    ways(queued, seat, fay, now, pass_for(queued, fay, now))[way]()
    seats = queued.seats.exclude(status="available")
    assert seats.count() == 1


def test_refuses_the_pass_of_another_fan_of_another_event_an_old_one_and_a_changed_one(
    queued: Event, draft: Event, seat: Seat, fay: User, bob: User, now: datetime
) -> None:
    good = pass_for(queued, fay, now)
    for text in (
        pass_for(queued, bob, now),
        pass_for(draft, fay, now),
        pass_for(queued, fay, now, seconds=0),
        good[:-2] + ("AA" if good[-2:] != "AA" else "BB"),
        good[:-1],
        "é" * 40,
        "A" * 10_000,
    ):
        with pytest.raises(QueuePassRequired):
            ways(queued, seat, fay, now, text)[0]()


def test_needs_no_pass_without_a_waiting_room(
    event: Event, seat: Seat, fay: User, now: datetime
) -> None:
    assert ways(event, seat, fay, now, "")[0]()


def test_who_comes_before_the_sale_is_told_that_and_not_to_wait(
    queued: Event, seat: Seat, fay: User, now: datetime
) -> None:
    Event.objects.update(on_sale_at=now + timedelta(hours=1))
    with pytest.raises(NotOnSale):
        ways(queued, seat, fay, now, "")[0]()


def test_a_pass_outlives_a_change_of_the_secret_key(
    queued: Event, fay: User, now: datetime, settings: Any
) -> None:
    text = pass_for(queued, fay, now)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "n" * 40, [settings.SECRET_KEY]
    assert read_pass(text, event_id=queued.pk, fan_id=fay.pk, now=now)
    settings.SECRET_KEY_FALLBACKS = []
    assert not read_pass(text, event_id=queued.pk, fan_id=fay.pk, now=now)


def test_the_api_takes_it_in_a_header_and_the_same_key_may_be_sent_again_with_it(
    queued: Event, seat: Seat, fay: User, api_as: ApiAs, now: datetime
) -> None:
    api = api_as(fay)
    assert_problem(buy(api, queued, seat), 403, "queue-pass-required")
    api.credentials(**api._credentials, HTTP_QUEUE_PASS=pass_for(queued, fay, now))  # type: ignore[attr-defined] # private
    assert buy(api, queued, seat).status_code == 201
