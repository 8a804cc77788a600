"""What fans of a draw were promised holds, whatever a manager changes later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry, User
from sales.models import Event, QueuePlace, WaitingRoom, Waitlist, WaitlistEntry
from sales.organising.event_rules import BadEvent, change_event
from sales.organising.queues import BadRules, change_room, change_waitlist
from tests.helpers.api_calls import ApiAs, assert_problem

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)


@pytest.fixture
def room(event: Event, alice: User, now: datetime) -> WaitingRoom:
    """A waiting room whose draw is an hour away."""
    Event.objects.filter(pk=event.pk).update(on_sale_at=now + HOUR)
    rules = {"is_on": True, "opens_at": now - HOUR, "rate_per_minute": 10}
    change_room(event_id=event.pk, user=alice, fields=rules, now=now)
    return WaitingRoom.objects.get()


def join(room: WaitingRoom, fan: User, at: datetime) -> None:
    place = {"fan_id": fan.pk, "joined_at": at, "draw": 0.5, "region": "r"}
    QueuePlace.objects.create(id=fan.pk, room=room, **place)


def change(event: Event, user: User, now: datetime, **fields: Any) -> Event:
    return change_event(event_id=event.pk, user=user, fields=fields, now=now)


def test_the_start_stays_once_fans_were_drawn(
    event: Event, room: WaitingRoom, alice: User, fay: User, now: datetime
) -> None:
    join(room, fay, now)
    started = now + 2 * HOUR
    for moved in (started + HOUR, now + HOUR / 2):
        with pytest.raises(BadEvent, match="key is public since: the start stays") as refused:
            change(event, alice, started, on_sale_at=moved)
        assert set(refused.value.errors) == {"on_sale_at"}
    event.refresh_from_db()
    assert event.on_sale_at == now + HOUR
    assert WaitingRoom.objects.get().seed == room.seed
    assert not AuditEntry.objects.filter(action="event.changed").exists()
    assert change(event, alice, started, name="Other").name == "Other"


def test_the_start_never_moves_in_front_of_who_has_joined(
    event: Event, room: WaitingRoom, alice: User, fay: User, now: datetime
) -> None:
    join(room, fay, now)
    with pytest.raises(BadEvent, match="those who have just joined"):
        change(event, alice, now, on_sale_at=now - timedelta(minutes=5))
    for sooner_or_later in (now + HOUR / 2, now + 3 * HOUR):
        moved = change(event, alice, now, on_sale_at=sooner_or_later)
        assert moved.on_sale_at == sooner_or_later
    assert WaitingRoom.objects.get().seed == room.seed, "it is secret still"


def test_a_key_that_was_told_in_vain_is_made_anew(
    event: Event, room: WaitingRoom, alice: User, now: datetime
) -> None:
    """Nobody has joined yet: the start was wrong, and the draw is to come."""
    change(event, alice, now + 2 * HOUR, on_sale_at=now + 3 * HOUR)
    assert WaitingRoom.objects.get().seed != room.seed


def waitlist(event: Event, user: User, fan: User, order: str, now: datetime) -> Waitlist:
    fields = {"is_on": True, "order": order}
    change_waitlist(event_id=event.pk, user=user, fields=fields, now=now)
    WaitlistEntry.objects.create(
        id=fan.pk, event=event, fan=fan, quantity=1, region="r", joined_at=now, draw=0.5
    )
    return Waitlist.objects.get()


def test_a_sale_does_not_go_on_with_a_draw_whose_key_is_known(
    event: Event, alice: User, fay: User, now: datetime
) -> None:
    """End the sale, read the key, go on: whoever does it knows which account comes first."""
    before = waitlist(event, alice, fay, "lottery", now)
    change(event, alice, now, off_sale_at=now + HOUR)
    ended = now + 2 * HOUR
    with pytest.raises(BadEvent, match="could choose an account"):
        change(event, alice, ended, off_sale_at=ended + HOUR)
    event.refresh_from_db()
    assert event.off_sale_at == now + HOUR
    # The way on is in the open: nobody is drawn any more.
    change_waitlist(event_id=event.pk, user=alice, fields={"order": "first_come"}, now=ended)
    change(event, alice, ended, off_sale_at=ended + HOUR)
    assert Waitlist.objects.get().seed != before.seed
    with pytest.raises(BadRules, match="A fan waits in the order that was told"):
        change_waitlist(event_id=event.pk, user=alice, fields={"order": "lottery"}, now=ended)


def test_the_order_of_a_waitlist_stays_while_somebody_waits(
    event: Event, alice: User, fay: User, now: datetime, client_as: Callable[[User], Client]
) -> None:
    before = waitlist(event, alice, fay, "first_come", now)
    for_page = {"is_on": "on", "order": "lottery", "window_minutes": "60"}
    answer = client_as(alice).post(f"/organise/events/{event.pk}/waitlist/", for_page)
    assert answer.status_code == 400
    assert "A fan waits in the order that was told" in answer.content.decode()
    assert Waitlist.objects.get().order == "first_come"
    WaitlistEntry.objects.update(state="left")
    change_waitlist(event_id=event.pk, user=alice, fields={"order": "lottery"}, now=now)
    after = Waitlist.objects.get()
    assert (after.order, after.seed != before.seed) == ("lottery", True)


def test_pages_and_api_say_why(
    event: Event,
    room: WaitingRoom,
    alice: User,
    fay: User,
    now: datetime,
    api_as: ApiAs,
    client_as: Callable[[User], Client],
) -> None:
    join(room, fay, now - 2 * HOUR)
    Event.objects.filter(pk=event.pk).update(on_sale_at=now - HOUR)
    later = timezone.now() + HOUR
    path = f"/api/v1/organiser/events/{event.pk}/"
    answer = api_as(alice).patch(path, {"on_sale_at": later.isoformat()})
    assert "key is public" in assert_problem(answer, 400, "invalid")["errors"]["on_sale_at"][0]
    event.refresh_from_db()
    times = ("starts_at", "on_sale_at", "off_sale_at")
    form = {
        **{name: f"{getattr(event, name):%Y-%m-%dT%H:%M}" for name in times},
        "name": event.name,
        "limit_per_fan": 4,
        "hold_minutes": 10,
        "hold_limit_minutes": 30,
        "fee": "0.00",
        "fee_percent": 0,
    }
    page = f"/organise/events/{event.pk}/rules/"
    moved = client_as(alice).post(page, {**form, "on_sale_at": f"{later:%Y-%m-%dT%H:%M}"})
    assert "draw&#x27;s key is public" in moved.content.decode()
    assert client_as(alice).post(page, form).status_code == 302, "saved as it was shown"
    event.refresh_from_db()
    assert event.on_sale_at == now - HOUR
