"""How fast fans are let in, when nobody is, and what they are told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from sales.models import Event, EventState, QueuePlace, Seat, WaitingRoom
from sales.waiting_room.rooms import RoomRules, room_status, set_room
from sales.waiting_room.standing import QueueState
from tests.helpers.crowd import Crowd, open_room

pytestmark = pytest.mark.django_db(transaction=True)

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture
def crowd(event: Event, now: datetime) -> Crowd:
    """The room of an event whose sale starts now, at 60 fans a minute."""
    open_room(event, now)
    return Crowd(event)


def fans(crowd: Crowd, number: int, at: datetime) -> list[Any]:
    return [crowd.join(at) for _ in range(number)]


def test_lets_in_at_the_rate(crowd: Crowd, now: datetime) -> None:
    Seat.objects.update(changed_at=now)
    crowd.wait(fans(crowd, 12, now - MINUTE), now, 12)
    for second in range(2, 12):
        assert second - 2 <= crowd.admitted_by(now + second * SECOND) <= second


def set_rules(event: Event, now: datetime, at: datetime, **rules: Any) -> None:
    given = {"is_on": True, "opens_at": now - timedelta(hours=1), "rate_per_minute": 60}
    set_room(event_id=event.pk, rules=RoomRules(**{**given, **rules}), now=at)


def test_a_new_rate_holds_from_then_on(crowd: Crowd, event: Event, now: datetime) -> None:
    everybody = fans(crowd, 12, now - MINUTE)
    crowd.wait(everybody, now, 4)
    set_rules(event, now, now + 4 * SECOND, rate_per_minute=6)
    crowd.desk.forget(event.pk)
    crowd.wait(everybody, now + 4 * SECOND, 20)
    assert 5 <= len(crowd.admitted) <= 6


def test_a_pause_lets_nobody_in_and_keeps_the_places(
    crowd: Crowd, event: Event, now: datetime
) -> None:
    everybody = fans(crowd, 12, now - MINUTE)
    crowd.wait(everybody, now, 4)
    set_rules(event, now, now + 4 * SECOND, is_paused=True)
    crowd.desk.forget(event.pk)
    before = len(crowd.admitted)
    crowd.wait(everybody, now + 5 * SECOND, 600, 60)
    assert len(crowd.admitted) == before
    waiting = next(each for each in everybody if each not in crowd.admitted)
    assert crowd.look(waiting, now + 606 * SECOND).state == QueueState.PAUSED
    set_rules(event, now, now + 606 * SECOND)
    crowd.desk.forget(event.pk)
    crowd.wait(everybody, now + 607 * SECOND, 4)
    assert before + 2 <= len(crowd.admitted) <= before + 5


def test_a_paused_sale_lets_nobody_in_and_does_not_catch_up_in_a_rush(
    crowd: Crowd, event: Event, now: datetime
) -> None:
    set_rules(event, now, now, rate_per_minute=6)
    everybody = fans(crowd, 12, now - MINUTE)
    Event.objects.update(state=EventState.PAUSED)
    crowd.wait(everybody, now, 600, 30)
    assert not crowd.admitted
    Event.objects.update(state=EventState.PUBLISHED)
    crowd.wait(everybody, now + 600 * SECOND, 10)
    assert 1 <= len(crowd.admitted) <= 3


def test_lets_nobody_in_when_nothing_is_left_and_says_so_at_once(
    crowd: Crowd, event: Event, now: datetime
) -> None:
    everybody = fans(crowd, 6, now - MINUTE)
    Seat.objects.update(status="sold", changed_at=now)
    views = [crowd.look(each, now + 2 * SECOND) for each in everybody]
    assert {each.state for each in views} == {QueueState.SOLD_OUT}
    assert not crowd.admitted
    Seat.objects.filter(number="1").update(
        status="held", held_until=now + timedelta(hours=1), changed_at=now
    )
    assert crowd.look(everybody[0], now + 5 * SECOND).state == QueueState.ALL_TAKEN
    # One comes back: one fan is let in for it, not all whose turn it would have been.
    Seat.objects.filter(number="1", row="A").update(status="available", changed_at=now)
    for each in everybody:
        crowd.look(each, now + 60 * SECOND)
    assert len(crowd.admitted) == 1


def test_tells_who_has_more_fans_ahead_than_there_are_seats(crowd: Crowd, now: datetime) -> None:
    everybody = fans(crowd, 30, now - MINUTE)
    views = [crowd.look(each, now + SECOND / 2) for each in everybody]
    assert sorted(each.ahead for each in views if each.ahead is not None) == list(range(30))
    assert [each.few for each in views] == [(each.ahead or 0) >= 12 for each in views]
    assert all(abs((each.seconds or 0) - (each.ahead or 0)) <= 2 for each in views), (
        "at 60 a minute, a second each"
    )


def test_lets_in_others_instead_of_those_who_are_gone(
    crowd: Crowd, event: Event, now: datetime
) -> None:
    set_rules(event, now, now, rate_per_minute=6)
    everybody = fans(crowd, 24, now - MINUTE)
    first = sorted(everybody, key=lambda each: crowd.look(each, now).draw or 0)
    there = [each for n, each in enumerate(first) if n % 2]
    crowd.wait(there, now, 180, 6)
    # Of the first six places three are gone, so three more are let in than the rate says.
    assert len(crowd.admitted) > 18 / 2
    status = room_status(event_id=event.pk, now=now + 180 * SECOND, desk=crowd.desk)
    assert status
    assert status.abandoned >= 3
    # Who was taken for gone may still come.
    assert crowd.look(first[0], now + 181 * SECOND).state == QueueState.ADMITTED


def test_a_pass_ends_and_who_joins_anew_comes_last(
    crowd: Crowd, event: Event, now: datetime
) -> None:
    fan, *others = fans(crowd, 3, now - MINUTE)
    crowd.wait([fan], now, 30)
    view = crowd.look(fan, now + 60 * SECOND)
    assert view.pass_expires_at == crowd.admitted[fan] + timedelta(seconds=600)
    later = now + 700 * SECOND
    assert crowd.look(fan, later).state == QueueState.PASS_ENDED
    old = crowd.tickets[fan]
    others += fans(crowd, 20, later)
    crowd.join(later + SECOND, fan)
    view = crowd.look(fan, later + 2 * SECOND)
    assert (view.state, view.draw) == (QueueState.WAITING, None)
    new, crowd.tickets[fan] = crowd.tickets[fan], old
    assert crowd.look(fan, later + 2 * SECOND).state == QueueState.PASS_ENDED
    crowd.join(later + 3 * SECOND, fan)
    assert crowd.tickets[fan] == new
    crowd.wait(others, later + 3 * SECOND, 30)
    assert crowd.look(fan, later + 33 * SECOND).state == QueueState.ADMITTED


def test_two_devices_that_come_for_the_pass_have_one_pass(
    crowd: Crowd, event: Event, now: datetime
) -> None:
    (fan,) = fans(crowd, 1, now - MINUTE)
    crowd.wait([fan], now, 5)
    again = [crowd.look(fan, now + n * SECOND).pass_expires_at for n in (10, 20)]
    assert set(again) == {crowd.admitted[fan] + timedelta(seconds=600)}


def test_a_poll_asks_the_database_nothing(
    crowd: Crowd, now: datetime, django_assert_num_queries: Any
) -> None:
    everybody = fans(crowd, 5, now - MINUTE)
    crowd.look(everybody[0], now)
    with django_assert_num_queries(0):
        for each in everybody:
            assert crowd.look(each, now).state == QueueState.WAITING


def test_to_join_before_the_sale_asks_the_database_nothing(
    crowd: Crowd, now: datetime, django_assert_num_queries: Any
) -> None:
    crowd.join(now - MINUTE)
    with django_assert_num_queries(0):
        for _ in range(50):
            crowd.join(now - MINUTE)
    crowd.join(now - MINUTE / 2)
    crowd.look(crowd.join(now - MINUTE / 2), now)
    assert QueuePlace.objects.count() == 53
    assert WaitingRoom.objects.count() == 1
