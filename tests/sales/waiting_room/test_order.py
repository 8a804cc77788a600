"""Who is let in when: a draw before the sale, first come first served after it."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from accounts.models import Organisation
from sales.models import Event, QueuePlace, WaitingRoom
from sales.waiting_room.desk import Desk
from sales.waiting_room.draw import draw_of, place_id
from sales.waiting_room.standing import QueueState
from tests.helpers.cast import make_event
from tests.helpers.crowd import Crowd, open_room

pytestmark = pytest.mark.django_db(transaction=True)

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def test_lets_in_by_the_draw_whoever_came_before_the_sale(event: Event, now: datetime) -> None:
    open_room(event, now)
    crowd = Crowd(event)
    fans = [crowd.join(now - 30 * MINUTE + n * SECOND) for n in range(20)]
    crowd.wait(fans, now, 30)
    seed = WaitingRoom.objects.get().seed
    drawn = sorted(
        fans,
        key=lambda fan: draw_of(seed=seed, place_id=place_id(event_id=event.pk, fan_id=fan)),
    )
    assert list(dict(sorted(crowd.admitted.items(), key=lambda each: each[1]))) == drawn
    assert drawn != fans


def test_lets_in_who_comes_after_the_start_in_the_order_of_coming_and_after_all_others(
    event: Event, now: datetime
) -> None:
    open_room(event, now)
    crowd = Crowd(event)
    early = [crowd.join(now - MINUTE) for _ in range(5)]
    late = [crowd.join(now + SECOND / 10 * n) for n in range(10)]
    crowd.wait([*reversed(late), *early], now + SECOND, 30)
    order = sorted(crowd.admitted, key=crowd.admitted.__getitem__)
    assert set(order[:5]) == set(early)
    assert order[5:] == late


def test_a_fan_with_a_hundred_tabs_and_two_devices_in_two_regions_has_one_place(
    event: Event, now: datetime
) -> None:
    open_room(event, now)
    here, there = Crowd(event), Crowd(event, Desk("us-east-2"))
    others = [here.join(now - MINUTE) for _ in range(5)]
    greedy = here.join(now - MINUTE)
    tickets = {here.tickets[greedy]}
    for n in range(100):
        for crowd in (here, there):
            crowd.join(now - MINUTE + n * SECOND / 2, greedy)
            tickets.add(crowd.tickets[greedy])
    places = {here.look(greedy, now + SECOND * 2).draw}
    for ticket in tickets:
        there.tickets[greedy] = ticket
        places.add(there.look(greedy, now + SECOND * 2).draw)
    assert len(places) == 1
    assert QueuePlace.objects.count() == len(others) + 1


def test_places_of_a_deleted_event_keep_nobody_elses_from_being_written(
    event: Event, acme: Organisation, now: datetime
) -> None:
    open_room(event, now)
    gone = make_event(acme)
    open_room(gone, now)
    desk = Desk("us-east-1")
    crowd, lost = Crowd(event, desk), Crowd(gone, desk)
    crowd.join(now - MINUTE)  # written at once
    lost.join(now - MINUTE)
    fan = crowd.join(now - MINUTE)
    WaitingRoom.objects.get(event=gone).delete()
    desk.roll.write(now)
    assert {place.room.event for place in QueuePlace.objects.all()} == {event}
    assert QueuePlace.objects.filter(fan_id=fan).exists()


def test_who_joins_again_after_the_start_keeps_the_place_she_had(
    event: Event, now: datetime
) -> None:
    open_room(event, now, rate_per_minute=1)
    crowd = Crowd(event)
    early, late = crowd.join(now - MINUTE), crowd.join(now + SECOND)
    for _ in range(5):
        crowd.join(now + SECOND * 2)
    before = [crowd.look(each, now + SECOND * 5).ahead for each in (early, late)]
    elsewhere = Crowd(event, Desk("us-east-2"))
    for fan in (early, late):
        elsewhere.join(now + SECOND * 6, fan)
    assert [elsewhere.look(each, now + SECOND * 6).ahead for each in (early, late)] == before


def test_nobody_learns_her_draw_or_the_seed_before_the_start(event: Event, now: datetime) -> None:
    open_room(event, now)
    crowd = Crowd(event)
    fan = crowd.join(now - MINUTE)
    view = crowd.look(fan, now - SECOND)
    assert (view.state, view.ahead, view.draw) == (QueueState.BEFORE_SALE, None, None)
    room = WaitingRoom.objects.get()
    assert room.seed not in repr(view.ticket)
    other = crowd.join(now - MINUTE)
    assert len(crowd.tickets[other]) == len(crowd.tickets[fan])


def test_anybody_can_check_the_draw_with_the_seed(event: Event, now: datetime) -> None:
    seed, fan = "00" * 32, uuid4()
    own = place_id(event_id=event.pk, fan_id=fan)
    assert draw_of(seed=seed, place_id=own) == draw_of(seed=seed, place_id=own)
    assert 0 <= draw_of(seed=seed, place_id=own) < 1
    assert draw_of(seed="01" * 32, place_id=own) != draw_of(seed=seed, place_id=own)


def test_a_place_that_was_never_written_is_as_good(event: Event, now: datetime) -> None:
    open_room(event, now)
    crowd = Crowd(event)
    fan, other = crowd.join(now - MINUTE), crowd.join(now - MINUTE)
    crowd.look(fan, now - SECOND * 50)
    QueuePlace.objects.filter(fan_id=fan).delete()
    crowd.wait([fan, other], now, 10)
    assert set(crowd.admitted) == {fan, other}
    assert QueuePlace.objects.filter(fan_id=fan, admitted_at__isnull=False).exists()
