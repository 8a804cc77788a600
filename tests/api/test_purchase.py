"""Buying a seat over the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from sales.models import Event, LedgerEntry, Order, Seat, SeatStatus, Ticket

pytestmark = pytest.mark.django_db(transaction=True)

ApiAs = Callable[[User], APIClient]


def buy(api: APIClient, event: Event, seat: Any, key: str | None = "key-1") -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    body = {"seat": str(getattr(seat, "pk", seat))}
    return api.post(f"/api/v1/events/{event.pk}/purchases/", body, headers=headers)


def assert_nothing_sold() -> None:
    assert not Order.objects.exists()
    assert not Ticket.objects.exists()
    assert not LedgerEntry.objects.exists()
    assert not Seat.objects.filter(status=SeatStatus.SOLD).exists()


def test_sells_a_seat(api_as: ApiAs, fay: User, event: Event, seat: Seat) -> None:
    answer = buy(api_as(fay), event, seat)

    assert answer.status_code == 201
    order = Order.objects.get()
    ticket = order.tickets.get()
    assert answer.json() == {
        "id": str(order.pk),
        "reference": order.reference,
        "event": {
            "id": str(event.pk),
            "name": "Opening Night",
            "starts_at": event.starts_at.isoformat().replace("+00:00", "Z"),
        },
        "state": "paid",
        "total": {"amount": 4500, "currency": "EUR"},
        "fees": {"amount": 0, "currency": "EUR"},
        "region": "us-east-1",
        "created_at": order.created_at.isoformat().replace("+00:00", "Z"),
        "tickets": [
            {
                "id": str(ticket.pk),
                "seat": {
                    "id": str(seat.pk),
                    "guid": "Floor-A-1",
                    "section": "Floor",
                    "row": "A",
                    "number": "1",
                    "label": "A-1",
                },
                "state": "valid",
                "price": {"amount": 4500, "currency": "EUR"},
            }
        ],
    }
    seat.refresh_from_db()
    assert seat.status == SeatStatus.SOLD
    assert order.fan == fay
    assert LedgerEntry.objects.get().amount_minor == 4500


def test_refuses_a_sold_seat(
    api_as: ApiAs, fay: User, charlie: User, event: Event, seat: Seat
) -> None:
    buy(api_as(fay), event, seat)
    answer = buy(api_as(charlie), event, seat)
    assert answer.status_code == 409
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "seat-taken"
    assert answer.json()["seats"] == [str(seat.pk)]
    assert Order.objects.get().fan == fay
