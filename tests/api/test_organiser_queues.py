"""The waiting room and the waitlist for organisers' programs, and when their seeds are told."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import AuditEntry, User
from sales.models import Event, Hold, QueuePlace, Seat, WaitingRoom, Waitlist, WaitlistEntry
from sales.offering import offer_returned_seats
from sales.waiting_room.desk import desk
from sales.waiting_room.draw import draw_of
from sales.waitlist import WaitlistRules, enlist, set_waitlist
from tests.helpers.api_calls import ApiAs, assert_problem
from tests.helpers.cast import make_fans
from tests.helpers.crowd import Crowd, open_room

pytestmark = pytest.mark.django_db(transaction=True)


def path(event: Event, what: str) -> str:
    return f"/api/v1/organiser/events/{event.pk}/{what}/"


def change(api: APIClient, event: Event, what: str, **fields: Any) -> Any:
    return api.patch(path(event, what), fields, format="json")


def test_makes_and_pauses_a_waiting_room(api_as: ApiAs, alice: User, event: Event) -> None:
    api = api_as(alice)
    none = api.get(path(event, "queue")).json()
    assert (none["is_on"], none["status"], none["draw"]) == (False, None, None)
    made = change(api, event, "queue", is_on=True, rate_per_minute=30).json()
    assert (made["is_on"], made["rate_per_minute"], made["pass_seconds"]) == (True, 30, 600)
    assert change(api, event, "queue", is_paused=True).json()["status"]["state"] == "paused"
    paused = WaitingRoom.objects.get()
    assert (paused.is_paused, paused.rate_per_minute) == (True, 30)
    bad = change(api, event, "queue", opens_at=(event.off_sale_at + timedelta(1)).isoformat())
    assert "opens_at" in assert_problem(bad, 400, "invalid")["errors"]
    assert_problem(change(api, event, "queue", rate_per_minute=0), 400, "invalid")
    assert AuditEntry.objects.filter(action="waiting_room.set").count() == 2


def test_tells_the_seed_once_the_sale_has_started(
    api_as: ApiAs, client_as: Callable[[User], Client], alice: User, event: Event, now: datetime
) -> None:
    open_room(event, now + timedelta(minutes=30))
    crowd = Crowd(event)
    for _ in range(5):
        crowd.join(now)
    crowd.desk.roll.write(now + timedelta(seconds=5))
    assert QueuePlace.objects.count() == 5
    api, alices = api_as(alice), client_as(alice)
    csv_path = f"/organise/events/{event.pk}/queue/draw.csv"
    room = WaitingRoom.objects.get()
    draw = api.get(path(event, "queue")).json()["draw"]
    assert (draw["seed"], draw["commitment"]) == (None, room.commitment)
    assert alices.get(csv_path).status_code == 404
    page = alices.get(f"/organise/events/{event.pk}/queue/").content.decode()
    assert room.commitment in page
    assert room.seed not in page

    Event.objects.update(on_sale_at=now)
    QueuePlace.objects.update(joined_at=now - timedelta(minutes=1))
    desk.forget(event.pk)
    seed = api.get(path(event, "queue")).json()["draw"]["seed"]
    assert hashlib.sha256(bytes.fromhex(seed)).hexdigest() == room.commitment
    assert seed in alices.get(f"/organise/events/{event.pk}/queue/").content.decode()
    lines = alices.get(csv_path).getvalue().decode().lstrip("\ufeff").split()[1:]
    told = [line.split(",") for line in lines]
    assert len(told) == 5
    for number, (place, pk, value, _, _) in enumerate(told, start=1):
        found = QueuePlace.objects.get(pk=pk)
        assert place == str(number)
        assert float(value) == draw_of(seed=seed, place_id=found.pk)
    assert [row[2] for row in told] == sorted((row[2] for row in told), key=float)


def test_sets_a_waitlist_and_lists_who_waits(
    api_as: ApiAs, alice: User, bob: User, fay: User, event: Event, seats: list[Seat], now: datetime
) -> None:
    api = api_as(alice)
    assert api.get(path(event, "waitlist")).json()["is_on"] is False
    made = change(api, event, "waitlist", is_on=True, order="lottery").json()
    assert (made["is_on"], made["order"], made["window_seconds"]) == (True, "lottery", 3600)
    Seat.objects.update(status="sold", changed_at=now)
    for fan in (fay, *make_fans(2)):
        enlist(event_id=event.pk, fan_id=fan.pk, quantity=2, now=now)
    assert api.get(path(event, "waitlist")).json()["counts"]["seats_wanted"] == 6
    listed = api_as(bob).get(path(event, "waitlist/entries"), {"limit": 2}).json()
    assert len(listed["results"]) == 2
    rest = api_as(bob).get(listed["next"]).json()["results"]
    emails = {row["email"] for row in [*listed["results"], *rest]}
    assert len(emails) == 3
    assert fay.email in emails
    assert_problem(change(api, event, "waitlist", window_seconds=5), 400, "invalid")


def test_lists_an_offer_as_missed_from_the_instant_its_window_ends(
    api_as: ApiAs, bob: User, fay: User, event: Event, seats: list[Seat], now: datetime
) -> None:
    set_waitlist(event_id=event.pk, rules=WaitlistRules(True), now=now)
    Seat.objects.update(status="sold", changed_at=now)
    enlist(event_id=event.pk, fan_id=fay.pk, quantity=1, now=now)
    Seat.objects.filter(pk=seats[0].pk).update(status="available")
    assert offer_returned_seats(event_id=event.pk, now=now) == 1

    def told() -> str:
        (row,) = api_as(bob).get(path(event, "waitlist/entries")).json()["results"]
        return str(row["state"])

    assert told() == "offered"
    Hold.objects.update(expires_at=now - timedelta(seconds=1))
    assert told() == "missed", "though no task has written it down yet"
    assert WaitlistEntry.objects.get().state == "offered"


def test_tells_the_seed_of_a_lottery_once_the_sale_has_ended(
    api_as: ApiAs, alice: User, event: Event, now: datetime
) -> None:
    set_waitlist(event_id=event.pk, rules=WaitlistRules(True, "lottery"), now=now)
    found = Waitlist.objects.get()
    draw = api_as(alice).get(path(event, "waitlist")).json()["draw"]
    assert (draw["commitment"], draw["seed"]) == (found.commitment, None)
    Event.objects.update(on_sale_at=now - timedelta(days=2), off_sale_at=now - timedelta(days=1))
    assert api_as(alice).get(path(event, "waitlist")).json()["draw"]["seed"] == found.seed


def test_others_see_and_change_nothing(
    api_as: ApiAs, bob: User, charlie: User, fay: User, event: Event
) -> None:
    for what in ("queue", "waitlist"):
        assert_problem(change(api_as(bob), event, what, is_on=True), 403, "permission-denied")
        assert_problem(change(api_as(charlie), event, what, is_on=True), 404, "not-found")
        assert_problem(change(api_as(fay), event, what, is_on=True), 403, "permission-denied")
        assert_problem(api_as(charlie).get(path(event, what)), 404, "not-found")
    assert_problem(api_as(charlie).get(path(event, "waitlist/entries")), 404, "not-found")
    assert not WaitingRoom.objects.exists()
    assert not Waitlist.objects.exists()


def test_pauses_by_one_button(
    client_as: Callable[[User], Client], alice: User, bob: User, event: Event, now: datetime
) -> None:
    address = f"/organise/events/{event.pk}/queue/pause/"
    assert client_as(alice).post(address).status_code == 404  # there is none
    open_room(event, now)
    assert client_as(bob).post(address).status_code == 403
    assert not WaitingRoom.objects.get().is_paused
    assert client_as(alice).post(address, {"do": "pause"}).status_code == 302
    assert WaitingRoom.objects.get().is_paused
    assert "Go on letting fans in" in client_as(alice).get(address[:-6]).content.decode()
    client_as(alice).post(address, {"do": "go-on"})
    assert not WaitingRoom.objects.get().is_paused
