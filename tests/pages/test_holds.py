"""Several seats at once on the pages: the best are held, shown, paid, or given back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from sales.models import Hold, HoldState, Order, Seat, SeatStatus, Ticket
from tests.helpers.payments import assert_sound

pytestmark = pytest.mark.django_db(transaction=True)

ClientAs = Callable[[User], Client]

KEY = "a" * 32


def ask(client: Client, seats: list[Seat], **fields: Any) -> Any:
    """Send the form of the event's page, and return what it leads to."""
    given = {"quantity": 2, "key": KEY, **fields}
    return client.post(f"/events/{seats[0].event_id}/holds/", given, follow=True)


def pay(client: Client, hold: Hold, card: str = "tok_ok", key: str = KEY) -> str:
    given = {"card": card, "key": key}
    return client.post(f"/holds/{hold.pk}/pay/", given, follow=True).content.decode()


def test_holds_the_best_and_sells_them_once(
    client_as: ClientAs, seats: list[Seat], fay: User
) -> None:
    client = client_as(fay)
    shown = ask(client, seats).content.decode()
    hold = Hold.objects.get()
    assert "Kept for you until" in shown
    assert shown.count("Floor, row") == 2
    assert "Pay 90.00 EUR" in shown
    for _ in range(2):
        assert "The seats are yours." in pay(client, hold)
    assert Ticket.objects.filter(order__fan=fay).count() == 2
    assert_sound(seats[0].event)
    assert "These seats are bought." in client.get(f"/holds/{hold.pk}/").content.decode()


def test_the_same_form_holds_once(client_as: ClientAs, seats: list[Seat], fay: User) -> None:
    client = client_as(fay)
    ask(client, seats)
    ask(client, seats)
    assert Hold.objects.count() == 1
    ask(client, seats, quantity=1)  # after going back
    assert Hold.objects.count() == 2


def test_keeps_the_seats_when_a_card_is_refused(
    client_as: ClientAs, seats: list[Seat], fay: User
) -> None:
    client = client_as(fay)
    ask(client, seats)
    hold = Hold.objects.get()
    told = pay(client, hold, "tok_refused")
    assert "The card has no money. Nothing was paid." in told
    assert "Pay 90.00 EUR" in told
    assert not Ticket.objects.exists()
    assert "The seats are yours." in pay(client, hold, key="b" * 32)
    assert_sound(seats[0].event)


def test_says_when_the_time_is_over(
    client_as: ClientAs, seats: list[Seat], fay: User, now: datetime
) -> None:
    client = client_as(fay)
    ask(client, seats)
    hold = Hold.objects.get()
    past = now - timedelta(seconds=1)
    Hold.objects.update(expires_at=past)
    Seat.objects.filter(hold=hold).update(held_until=past)
    assert "no longer kept for you" in client.get(f"/holds/{hold.pk}/").content.decode()
    assert "The hold has expired. Nothing was paid." in pay(client, hold)
    assert not Order.objects.exists()


def test_gives_seats_back(client_as: ClientAs, seats: list[Seat], fay: User) -> None:
    client = client_as(fay)
    ask(client, seats)
    hold = Hold.objects.get()
    client.post(f"/holds/{hold.pk}/release/")
    hold.refresh_from_db()
    assert hold.state == HoldState.RELEASED
    assert not Seat.objects.filter(status=SeatStatus.HELD).exists()


def test_is_nobody_elses(client_as: ClientAs, seats: list[Seat], fay: User, alice: User) -> None:
    ask(client_as(fay), seats)
    hold = Hold.objects.get()
    for other in (client_as(alice), Client()):
        assert other.get(f"/holds/{hold.pk}/").status_code == 404
        for do in ("pay", "release"):
            answer = other.post(f"/holds/{hold.pk}/{do}/", {"card": "tok_ok", "key": KEY})
            assert answer.status_code == 404
    hold.refresh_from_db()
    assert hold.state == HoldState.ACTIVE


def test_a_guest_holds_and_pays(seats: list[Seat]) -> None:
    client = Client()
    assert ask(client, seats).redirect_chain[0][0].startswith("/accounts/login/")
    assert not Hold.objects.exists()
    client.post("/accounts/guest/", {"name": "Gus", "email": "gus@example.com", "next": "/"})
    ask(client, seats)
    told = pay(client, Hold.objects.get())
    assert "The tickets are sent to gus@example.com." in told
    assert Ticket.objects.filter(order__fan__email="gus@example.com").count() == 2


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"quantity": 5}, "You may have 4 tickets of this event."),
        ({"quantity": 0}, "Say how many seats you want."),
        ({"key": ""}, "Say how many seats you want."),
        ({"category": KEY}, "The event has no such seat."),
    ],
)
def test_says_why_not(
    client_as: ClientAs, seats: list[Seat], fay: User, fields: dict[str, Any], says: str
) -> None:
    answer = ask(client_as(fay), seats, **fields)
    assert f"{says} Nothing was held." in answer.content.decode()
    assert answer.status_code in {400, 403, 404, 409}
    assert not Hold.objects.exists()


def test_says_when_so_many_are_not_left(
    client_as: ClientAs, seats: list[Seat], fay: User, now: datetime
) -> None:
    Seat.objects.exclude(pk=seats[0].pk).update(status=SeatStatus.SOLD, changed_at=now)
    answer = ask(client_as(fay), seats)
    assert "There are not as many such seats left." in answer.content.decode()
    assert not Hold.objects.exists()
