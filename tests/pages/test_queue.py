"""The page of a waiting room: for accounts, guests and who is signed out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts.models import User
from sales.models import Event, Order, QueuePlace, Seat
from sales.waiting_room.desk import desk
from tests.helpers.cast import make_user
from tests.helpers.crowd import open_room

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    cache.clear()


def url(event: Event) -> str:
    return f"/events/{event.pk}/queue/"


def as_guest(client: Client, event: Event, email: str) -> None:
    given = {"name": "Gus", "email": email, "next": url(event)}
    assert client.post("/accounts/guest/", given)["Location"] == url(event)


def test_a_guest_joins_is_let_in_and_buys(client: Client, event: Event, seat: Seat) -> None:
    open_room(event, timezone.now() - timedelta(minutes=5), rate_per_minute=6000)
    page = client.get(url(event)).content.decode()
    assert "Join the waiting room" not in page
    assert "Go on as a guest" in page
    as_guest(client, event, "gus@example.com")
    assert client.post(url(event))["Location"] == url(event)
    gus = User.objects.get(email="gus@example.com")
    desk.roll.write(timezone.now() + timedelta(seconds=2))
    desk.forget(event.pk)
    assert client.get(url(event))["Location"] == f"/events/{event.pk}/"
    assert QueuePlace.objects.get().fan_id == gus.pk
    assert "It is your turn" in client.get(f"/events/{event.pk}/").content.decode()
    bought = client.post(f"/events/{event.pk}/purchase/", {"seat": str(seat.pk), "key": "a" * 32})
    assert bought.status_code == 302, bought.content
    assert Order.objects.get().fan_id == gus.pk


def test_nobody_joins_without_saying_who(client: Client, event: Event) -> None:
    open_room(event, timezone.now() + timedelta(minutes=5))
    sent = client.post(url(event))
    assert sent["Location"] == f"/accounts/login/?next={url(event)}"
    assert not any(name.startswith("queue-ticket") for name in client.cookies)
    desk.roll.write(timezone.now() + timedelta(seconds=2))
    assert not QueuePlace.objects.exists()


def test_a_place_outlives_signing_out(client: Client, event: Event, fay: User) -> None:
    open_room(event, timezone.now() + timedelta(minutes=1))
    client.force_login(fay)
    client.post(url(event))
    client.post("/accounts/logout/")
    page = client.get(url(event)).content.decode()
    assert "Your place is kept" in page
    assert fay.email not in page
    # Another fan at the same machine gets none of it; she herself does.
    other = make_user("olga")
    client.force_login(other)
    assert "Join the waiting room" in client.get(url(event)).content.decode()
    client.force_login(fay)
    assert "You are in." in client.get(url(event)).content.decode()
    # Also on another device, where no cookie is: she joins, and has the draw that she had.
    elsewhere = Client()
    elsewhere.force_login(fay)
    elsewhere.post(url(event))
    desk.roll.write(timezone.now() + timedelta(seconds=2))
    assert QueuePlace.objects.count() == 1


def test_a_guest_whose_hour_is_over_names_the_address_again(client: Client, event: Event) -> None:
    open_room(event, timezone.now() + timedelta(minutes=1))
    as_guest(client, event, "gus@example.com")
    client.post(url(event))
    session = client.session
    session["guest"] = "ws_guest_over"
    session.save()
    assert "Your place is kept" in client.get(url(event)).content.decode()
    as_guest(client, event, "other@example.com")
    assert "You are in." not in client.get(url(event)).content.decode()
    as_guest(client, event, "gus@example.com")
    assert "You are in." in client.get(url(event)).content.decode()


def test_who_is_signed_out_at_her_turn_gets_no_seats_before_she_says_who(
    client: Client, event: Event, fay: User, seat: Seat
) -> None:
    open_room(event, timezone.now() - timedelta(minutes=5), rate_per_minute=6000)
    client.force_login(fay)
    client.post(url(event))
    client.post("/accounts/logout/")
    desk.roll.write(timezone.now() + timedelta(seconds=2))
    desk.forget(event.pk)
    page = client.get(url(event))
    assert page.status_code == 200
    assert "Say who you are" in page.content.decode()
    assert not any(name.startswith("queue-pass") for name in client.cookies)
    # Somebody else at that machine cannot use it.
    as_guest(client, event, "gus@example.com")
    client.post(f"/events/{event.pk}/purchase/", {"seat": str(seat.pk), "key": "a" * 32})
    assert not Order.objects.exists()
    client.force_login(fay)
    assert client.get(url(event))["Location"] == f"/events/{event.pk}/"
