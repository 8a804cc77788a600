"""The page for the door: scan after scan, without a script."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import Role, User
from sales.models import Event, Scan, Seat, Ticket
from sales.tickets import code_of
from tests.helpers.admission import make_ticket
from tests.helpers.cast import make_event, make_member

pytestmark = pytest.mark.django_db(transaction=True)

ClientAs = Callable[[User], Client]


@pytest.fixture
def ticket(seat: Seat, fay: User) -> Ticket:
    return make_ticket(seat, fay)


def key_of(page: Any) -> str:
    (key,) = re.findall(r'name="key" value="([^"]+)"', page.content.decode())
    return str(key)


def show(client: Client, code: str, **fields: str) -> Any:
    return client.post("/door/", {"code": code, "key": key_of(client.get("/door/")), **fields})


def test_lets_in_once(client_as: ClientAs, bob: User, ticket: Ticket) -> None:
    door = client_as(bob)
    fields = {"gate": "West", "event": str(ticket.event_id)}
    first = show(door, code_of(ticket), **fields)
    assert "✓ Let in" in first.content.decode()
    assert 'value="West"' in first.content.decode()
    again = show(door, code_of(ticket), gate="East").content.decode()
    assert "✗ Already let in" in again
    assert "gate West" in again
    assert Scan.objects.count() == 2


def test_says_the_same_when_the_page_is_sent_twice(
    client_as: ClientAs, bob: User, ticket: Ticket
) -> None:
    door = client_as(bob)
    key = key_of(door.get("/door/"))
    for _ in range(2):
        page = show(door, code_of(ticket), key=key)
        assert "✓ Let in" in page.content.decode()
        assert key_of(page) != key
    assert Scan.objects.count() == 1


def test_says_what_is_wrong(client_as: ClientAs, bob: User, event: Event, ticket: Ticket) -> None:
    door = client_as(bob)
    other = make_event(event.organisation, name="Matinée")
    said = show(door, code_of(ticket), event=str(other.pk)).content.decode()
    assert "✗ For another event" in said
    assert "✗ No ticket of ours" in show(door, "hello").content.decode()
    assert "This field is required." in show(door, "").content.decode()


def test_is_for_the_box_office(
    client_as: ClientAs, fay: User, charlie: User, event: Event, ticket: Ticket
) -> None:
    assert Client().get("/door/")["Location"].startswith("/accounts/login/")
    for nobody in (fay, make_member("vera", event.organisation, Role.VIEWER)):
        assert client_as(nobody).get("/door/").status_code == 403
    theirs = client_as(charlie)
    assert event.name not in theirs.get("/door/").content.decode()
    said = show(theirs, code_of(ticket)).content.decode()
    assert "✗ Not a ticket that you may scan" in said
    assert ticket.seat.section not in said
    assert not Scan.objects.exists()
