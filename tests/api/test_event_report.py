"""What an event took and its orders, for an organiser's programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from accounts.models import Role, User
from sales.models import Order, Seat
from tests.helpers.cast import make_member
from tests.helpers.payments import paid
from tests.helpers.returns import refund

pytestmark = pytest.mark.django_db(transaction=True)

ApiAs = Callable[[User], APIClient]


@pytest.fixture
def order(seats: list[Seat], fay: User, alice: User) -> Order:
    """A-1 and B-1, and 5.00 of it back."""
    sold = paid([seats[0], seats[6]], fay)
    refund(sold, alice, amount_minor=500)
    return sold


def test_reports_what_the_ledger_says(api_as: ApiAs, bob: User, order: Order) -> None:
    answer = api_as(bob).get(f"/api/v1/organiser/events/{order.event_id}/report/")
    assert answer.status_code == 200
    report = answer.json()
    assert report["ledger"] == report["total"]["net"] == {"amount": 6500, "currency": "EUR"}
    assert [(line["category"], line["net"]["amount"]) for line in report["lines"]] == [
        ("Back", 2321),
        ("Front", 4179),
    ]


def test_streams_the_orders(api_as: ApiAs, bob: User, order: Order) -> None:
    answer = api_as(bob).get(f"/api/v1/organiser/events/{order.event_id}/orders.csv")
    raw = answer.getvalue()
    assert not raw.startswith(b"\xef\xbb\xbf")
    (row,) = csv.DictReader(io.StringIO(raw.decode()))
    assert (row["order"], row["net"]) == (order.reference, "65.00")


@pytest.mark.parametrize("way", ["report/", "orders.csv"])
def test_is_for_members_of_the_organisation(
    api: APIClient, api_as: ApiAs, charlie: User, fay: User, order: Order, way: str
) -> None:
    path = f"/api/v1/organiser/events/{order.event_id}/{way}"
    vera = make_member("vera", order.event.organisation, Role.VIEWER)
    assert api.get(path).status_code == 401
    assert api_as(fay).get(path).status_code == 403
    assert api_as(vera).get(path).status_code == 200
    assert api_as(charlie).get(path).status_code == 404
