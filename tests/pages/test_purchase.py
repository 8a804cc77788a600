"""Buying through the page: the form sells once, a refusal says why and changes nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from sales.models import Event, Order, Seat, SeatStatus, Ticket
from worldseat.dsql.occ import OutcomeUnknown

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "0" * 32


@pytest.fixture
def fan(client: Client, fay: User) -> Client:
    client.force_login(fay)
    return client


def buy(client: Client, event: Event, seat: Any, key: str = KEY) -> Any:
    address = reverse("sales:purchase", args=[event.pk])
    return client.post(address, {"seat": str(seat), "key": key})


def test_sells_the_seat_and_shows_the_ticket(fan: Client, seat: Seat) -> None:
    response = buy(fan, seat.event, seat.pk)
    order = Order.objects.get()
    assert response["Location"] == reverse("sales:order", args=[order.pk])
    page = fan.get(response["Location"]).content.decode()
    assert order.reference in page
    assert "45.00 EUR" in page
    seat.refresh_from_db()
    assert seat.status == SeatStatus.SOLD


def test_sells_once_when_the_form_is_sent_twice(fan: Client, seat: Seat) -> None:
    first, again = buy(fan, seat.event, seat.pk), buy(fan, seat.event, seat.pk)
    assert first["Location"] == again["Location"]
    assert Ticket.objects.count() == 1


def test_sells_another_seat_with_a_page_from_the_history(fan: Client, seats: list[Seat]) -> None:
    for seat in seats[:2]:
        assert buy(fan, seat.event, seat.pk).status_code == 302
    assert Ticket.objects.count() == 2


def test_refuses_a_seat_that_is_taken(fan: Client, seat: Seat) -> None:
    Seat.objects.filter(pk=seat.pk).update(status=SeatStatus.SOLD)
    response = buy(fan, seat.event, seat.pk)
    assert response.status_code == 409
    assert "Somebody was faster: Floor, row A, seat 1 is taken." in response.content.decode()
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"state": "paused"}, "The sale is paused."),
        ({"state": "closed"}, "The event is not on sale."),
        ({"on_sale_at": timezone.now() + timedelta(hours=2)}, "The sale has not started."),
        ({"off_sale_at": timezone.now() - timedelta(minutes=1)}, "The sale has ended."),
    ],
)
def test_refuses_outside_of_the_sale(
    fan: Client, seat: Seat, changes: dict[str, Any], reason: str
) -> None:
    Event.objects.filter(pk=seat.event_id).update(**changes)
    response = buy(fan, seat.event, seat.pk)
    assert response.status_code == 409
    assert f"{reason} Nothing was sold." in response.content.decode()
    assert not Order.objects.exists()


def test_refuses_more_than_the_limit(fan: Client, seats: list[Seat]) -> None:
    Event.objects.filter(pk=seats[0].event_id).update(limit_per_fan=1)
    buy(fan, seats[0].event, seats[0].pk)
    response = buy(fan, seats[1].event, seats[1].pk)
    assert response.status_code == 403
    assert "You may have 1 ticket of this event." in response.content.decode()
    assert Ticket.objects.count() == 1


@pytest.mark.parametrize("seat_id", ["", "x", "%00", uuid4()])
def test_refuses_what_is_no_seat(fan: Client, event: Event, seat_id: Any) -> None:
    response = buy(fan, event, seat_id)
    assert response.status_code in {400, 404}
    assert "Nothing was sold." in response.content.decode()


def test_refuses_a_seat_of_another_event(fan: Client, event: Event, draft: Event) -> None:
    assert buy(fan, event, draft.seats.in_order()[0].pk).status_code == 404
    assert buy(fan, draft, draft.seats.in_order()[0].pk).status_code == 404
    assert not Order.objects.exists()


def test_asks_to_log_in_and_comes_back_to_the_seat(client: Client, seat: Seat) -> None:
    response = buy(client, seat.event, seat.pk)
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("accounts:login"))
    assert str(seat.pk) in response["Location"]
    assert not Order.objects.exists()


def test_refuses_a_form_of_another_site(fay: User, seat: Seat) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(fay)
    response = buy(strict, seat.event, seat.pk)
    assert response.status_code == 403
    assert "This form is stale" in response.content.decode()
    assert not Order.objects.exists()


def test_sells_nothing_by_get(fan: Client, seat: Seat) -> None:
    assert fan.get(reverse("sales:purchase", args=[seat.event_id])).status_code == 405


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OutcomeUnknown("lost"), "We do not know whether you got it"),
        (psycopg.errors.SerializationFailure("OC000"), "Nothing was sold"),
    ],
)
def test_is_honest_when_the_sale_did_not_settle(
    fan: Client, seat: Seat, monkeypatch: pytest.MonkeyPatch, error: Exception, says: str
) -> None:
    def fail(**_: Any) -> None:
        if isinstance(error, OperationalError):
            raise error
        raise OperationalError(str(error)) from error

    monkeypatch.setattr("sales.purchases.purchase", fail)
    response = buy(fan, seat.event, seat.pk)
    page = response.content.decode()
    assert response.status_code == 503
    assert says in page
    assert f'name="key" value="{KEY}"' in page  # the same form again: it sells once
    assert f'name="seat" value="{seat.pk}"' in page


def test_shows_an_order_to_its_fan_only(fan: Client, seat: Seat, alice: User) -> None:
    address = buy(fan, seat.event, seat.pk)["Location"]
    assert seat.event.name in fan.get(reverse("sales:order-list")).content.decode()
    other = Client()
    assert other.get(address)["Location"].startswith(reverse("accounts:login"))
    other.force_login(alice)
    assert other.get(address).status_code == 404
    assert Order.objects.get().reference not in other.get("/orders/").content.decode()
