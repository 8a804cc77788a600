"""A fan cancels her order on its page, in the event's time for it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.test import Client

from accounts.models import User
from sales.models import Event, Order, OrderState, Seat, SeatStatus
from tests.helpers.payments import assert_sound, paid

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def order(event: Event, seats: list[Seat], fay: User, now: datetime) -> Order:
    """Two tickets of Fay's, which she may give back until tomorrow."""
    Event.objects.filter(pk=event.pk).update(fans_cancel_until=now + timedelta(days=1))
    return paid(seats[:2], fay)


def page(client: Client, order: Order) -> str:
    return client.get(f"/orders/{order.pk}/").content.decode()


def cancel(client: Client, order: Order) -> str:
    """Cancel, and return the page that comes of it."""
    answer = client.post(f"/orders/{order.pk}/cancel/", follow=True)
    return answer.content.decode() if answer.status_code == 200 else str(answer.status_code)


def test_gives_tickets_and_money_back(client: Client, order: Order, fay: User) -> None:
    client.force_login(fay)
    assert "Give the tickets back" in page(client, order)
    told = cancel(client, order)
    assert "90.00 EUR goes back to you" in told
    assert "Give the tickets back" not in told
    order.refresh_from_db()
    assert (order.state, order.refunded_minor) == (OrderState.CANCELLED, 9000)
    assert not Seat.objects.filter(event=order.event_id, status=SeatStatus.SOLD).exists()
    assert_sound(order.event)


def test_sent_twice_gives_back_once(client: Client, order: Order, fay: User) -> None:
    client.force_login(fay)
    for _ in range(2):
        assert "90.00 EUR goes back to you" in cancel(client, order)
    order.refresh_from_db()
    assert order.refunded_minor == 9000


def test_refuses_when_it_is_too_late(
    client: Client, order: Order, fay: User, now: datetime
) -> None:
    Event.objects.filter(pk=order.event_id).update(fans_cancel_until=now - timedelta(minutes=1))
    client.force_login(fay)
    assert "Give the tickets back" not in page(client, order)
    assert "Nothing was changed." in cancel(client, order)
    order.refresh_from_db()
    assert order.state == OrderState.PAID


def test_is_nobody_elses(client: Client, order: Order, alice: User, charlie: User) -> None:
    for other in (alice, charlie):
        client.force_login(other)
        assert cancel(client, order) == "404"
    order.refresh_from_db()
    assert order.state == OrderState.PAID
