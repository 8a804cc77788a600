"""Who may see and change a waiting room's rules."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client

from accounts.models import AuditEntry, User
from sales.models import Event, WaitingRoom
from tests.helpers.crowd import open_room

pytestmark = pytest.mark.django_db(transaction=True)

RULES = {
    "is_on": "on",
    "opens_at": "2026-11-01T10:00",
    "rate_per_minute": "7",
    "pass_minutes": "5",
}


def test_managers_set_it_and_the_audit_log_says_who_but_not_the_seed(
    client_as: Callable[[User], Client], event: Event, alice: User
) -> None:
    answer = client_as(alice).post(f"/organise/events/{event.pk}/queue/", RULES)
    assert answer.status_code == 302
    room = WaitingRoom.objects.get()
    assert (room.rate_per_minute, room.pass_seconds) == (7, 300)
    told = AuditEntry.objects.get(action="waiting_room.set")
    assert told.actor == alice
    assert told.changes["rate_per_minute"] == [None, 7]
    assert room.seed not in str(told.changes)


def test_others_see_it_or_not_even_that(
    client_as: Callable[[User], Client], event: Event, bob: User, charlie: User, fay: User
) -> None:
    path = f"/organise/events/{event.pk}/queue/"
    for user, seen, changed in ((bob, 200, 403), (charlie, 404, 404), (fay, 403, 403)):
        client = client_as(user)
        assert client.get(path).status_code == seen, user
        assert client.post(path, RULES).status_code == changed, user
    assert not WaitingRoom.objects.exists()


def test_the_page_never_shows_the_seed_before_the_sale(
    client_as: Callable[[User], Client], event: Event, alice: User, fay: User, now: datetime
) -> None:
    open_room(event, now + timedelta(minutes=30))
    room = WaitingRoom.objects.get()
    pages = [
        client_as(alice).get(f"/organise/events/{event.pk}/queue/"),
        client_as(fay).get(f"/events/{event.pk}/queue/"),
        client_as(fay).post(f"/events/{event.pk}/queue/", follow=True),
    ]
    assert all(room.seed not in page.content.decode() for page in pages)
    assert room.commitment in pages[1].content.decode()


def test_fans_find_no_waiting_room_where_there_is_none(
    client_as: Callable[[User], Client], event: Event, fay: User
) -> None:
    assert client_as(fay).get(f"/events/{event.pk}/queue/").status_code == 404
