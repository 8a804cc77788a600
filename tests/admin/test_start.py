"""The admin begins with the latest events and how they sell, and has a place for every list."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Organisation, User
from sales.models import Event, Order, OrderState, Seat, SeatStatus, Ticket, TicketState
from tests.helpers.cast import make_event, make_user
from worldseat.admin_navigation import GROUPS

pytestmark = pytest.mark.django_db(transaction=True)

ClientAs = Callable[[User], Client]


def test_every_list_has_one_place_by_task() -> None:
    placed = [label for group in GROUPS for label in (*group.lists, *group.more)]
    assert len(placed) == len(set(placed))
    assert set(placed) == {model._meta.label_lower for model in admin.site._registry}


def test_shows_what_is_sold_held_and_left(
    client_as: ClientAs, alice: User, fay: User, seats: list[Seat], now: datetime
) -> None:
    sold = {"fan": fay, "currency": "EUR", "created_at": now, "event": seats[0].event}
    order = Order.objects.create(state=OrderState.PAID, total_minor=1, region="x", **sold)
    for seat in seats[:2]:
        Ticket.objects.create(
            order=order, seat=seat, state=TicketState.VALID, price_minor=1, **sold
        )
    later, earlier = now + timedelta(minutes=5), now - timedelta(minutes=5)
    for seat, until in zip(seats[2:6], (later, later, later, earlier), strict=True):
        Seat.objects.filter(pk=seat.pk).update(status=SeatStatus.HELD, held_until=until)
    page = client_as(alice).get("/admin/").content.decode()
    assert "<b>2</b> sold · <b>3</b> held · <b>10</b> of 12 left" in page


def test_asks_no_more_for_many_events_and_shows_no_others(
    client_as: ClientAs, alice: User, acme: Organisation, rival: Organisation, event: Event
) -> None:
    make_event(rival, name="Elsewhere")
    client = client_as(alice)
    client.get("/admin/")

    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            page = client.get("/admin/").content.decode()
        assert event.name in page
        assert "Elsewhere" not in page
        return len(captured)

    before = asked()
    for _ in range(4):
        make_event(acme)
    assert asked() == before


def test_the_menu_has_what_ones_role_opens(
    client_as: ClientAs, alice: User, bob: User, acme: Organisation
) -> None:
    owners, clerks = (client_as(each).get("/admin/").content.decode() for each in (alice, bob))
    root = make_user("root", is_staff=True, is_superuser=True)
    platforms = client_as(root).get("/admin/").content.decode()
    for path, who in (
        ("/organise/orders/", (owners, clerks)),
        ("/organise/webhooks/", (owners,)),
        ("/admin/accounts/apikey/", (owners,)),
        ("/admin/accounts/user/", (platforms,)),
        ("/admin/organisation/", (platforms,)),
    ):
        for page in (owners, clerks, platforms):
            assert (f'href="{path}"' in page) == (page in who), path
    assert "WorldSeat" in owners
    assert "Django" not in owners
    assert acme.name in owners


def test_begins_without_events(client_as: ClientAs, alice: User) -> None:
    page = client_as(alice).get("/admin/").content.decode()
    assert "/organise/events/new/" in page
