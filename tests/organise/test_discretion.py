"""A viewer reads orders without learning who the fans are, by no way that shows or finds them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.api_keys import add_key
from accounts.audit import record
from accounts.models import ApiKey, Organisation, Role, User
from sales.back_office.discretion import masked
from sales.models import Order, Seat
from tests.helpers.admission import make_ticket
from tests.helpers.api_calls import ApiAs
from tests.helpers.cast import make_member, make_user

pytestmark = pytest.mark.django_db(transaction=True)

ClientAs = Callable[[User], Client]


@pytest.fixture
def order(seat: Seat, now: datetime) -> Order:
    """Ada Lovelace's; the history of it says her address."""
    ada = make_user("adalovelace")
    ada.name = "Ada Lovelace"
    ada.save()
    order = make_ticket(seat, ada).order
    # One by chance may begin with ADA.
    Order.objects.filter(pk=order.pk).update(reference="2345678923")
    order.refresh_from_db()
    for actor, changes in ((None, {"to": [ada.email] * 2}), (ada, {})):
        record(
            organisation_id=order.event.organisation_id,
            actor=actor,
            action="order.mailed",
            subject=order,
            changes=changes,
            now=now,
        )
    return order


@pytest.fixture
def vera(acme: Organisation) -> User:
    return make_member("vera", acme, Role.VIEWER)


def ways_of(order: Order) -> list[str]:
    event = f"/organise/events/{order.event_id}/"
    return [
        "/organise/orders/",
        f"/organise/orders/{order.pk}/",
        f"{event}door-list/?by=name",
        f"{event}door-list/print/?by=name",
        f"{event}door-list.csv?by=name",
        f"{event}orders.csv",
        f"{event}tickets.csv",
    ]


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    return str((answer.getvalue() if answer.streaming else answer.content).decode())


def test_shows_viewers_initials_alone(
    client_as: ClientAs, order: Order, vera: User, bob: User
) -> None:
    for way in ways_of(order):
        seen = text_of(client_as(vera).get(way)).lower()
        assert "lovelace" not in seen, way
        assert "a. l." in seen, way
        assert "ada lovelace" in text_of(client_as(bob).get(way)).lower(), way


@pytest.mark.parametrize("words", ["ada", "lovelace", "adalovelace@example.com"])
def test_finds_viewers_nobody_by_name(
    client_as: ClientAs, order: Order, vera: User, bob: User, words: str
) -> None:
    for user, found in ((vera, False), (bob, True)):
        page = text_of(client_as(user).get("/organise/orders/", {"q": words}))
        assert (order.reference in page) is found, user


def test_finds_viewers_orders_by_reference_and_seat(
    client_as: ClientAs, order: Order, vera: User
) -> None:
    for words in (order.reference[:5], "A-1", str(order.pk)):
        assert order.reference in text_of(client_as(vera).get("/organise/orders/", {"q": words}))


def test_the_api_masks_for_viewers_and_tells_keys_that_may_read_orders(
    api: APIClient, api_as: ApiAs, order: Order, acme: Organisation, vera: User, now: datetime
) -> None:
    path = f"/api/v1/organiser/events/{order.event_id}/orders.csv"
    assert "Lovelace" not in text_of(api_as(vera).get(path))
    key = ApiKey(organisation=acme, name="Books", scopes=["orders:read"])
    secret = add_key(key, actor=None, now=now)
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    assert "Ada Lovelace" in text_of(api.get(path))


@pytest.mark.parametrize(
    ("name", "email", "shown", "address"),
    [
        ("Ada Lovelace", "ada@example.com", "A. L.", "a…@example.com"),
        ("", "x@example.com", "", "x…@example.com"),
        ("Ada", "walk-in@box.invalid", "A.", "walk-in@box.invalid"),
    ],
)
def test_masks(name: str, email: str, shown: str, address: str) -> None:
    told = masked(User(name=name, email=email))
    assert (told.name, told.email) == (shown, address)
