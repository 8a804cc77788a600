"""The organiser's page about the doors: who is in, which devices scan, conflicts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Role, User
from sales.models import Event, EventKind, OutboxEvent, Seat, Ticket
from tests.helpers.admission import let_in, make_ticket
from tests.helpers.cast import make_member

pytestmark = pytest.mark.django_db(transaction=True)

ClientAs = Callable[[User], Client]


@pytest.fixture
def ticket(seat: Seat, fay: User) -> Ticket:
    return make_ticket(seat, fay)


def page(client: Client, event: Event) -> str:
    return client.get(f"/organise/events/{event.pk}/door/").content.decode()


def test_shows_a_conflict_and_both_devices(
    client_as: ClientAs, alice: User, bob: User, event: Event, ticket: Ticket
) -> None:
    alices = client_as(alice)
    assert "No device has scanned" in page(alices, event)
    let_in(ticket, bob, "East 1")
    assert "Conflicts" not in page(alices, event)
    let_in(ticket, bob, "West 2", waiting=7, time=timezone.now() + timedelta(minutes=4))
    text = page(alices, event)
    assert "let in by <b>West 2</b>" in text
    assert "Also let in by <b>East 1</b>" in text
    assert "7 scans still to be reported" in text
    assert "240 s ahead" in text or "239 s ahead" in text


def test_tells_the_outbox_of_an_admission_once(bob: User, ticket: Ticket) -> None:
    let_in(ticket, bob, "East 1")
    let_in(ticket, bob, "West 2")
    row = OutboxEvent.objects.get(kind=EventKind.TICKET_ADMITTED)
    assert row.payload["gate"] == "East 1"


def test_is_for_the_organisation(
    client_as: ClientAs, charlie: User, fay: User, event: Event, ticket: Ticket
) -> None:
    viewer = make_member("vera", event.organisation, Role.VIEWER)
    scanner = make_member("sam", event.organisation, Role.SCANNER)
    url = f"/organise/events/{event.pk}/door/"
    statuses = [client_as(each).get(url).status_code for each in (viewer, scanner, fay, charlie)]
    assert statuses == [200, 404, 403, 404]
    scan = [client_as(each).get(f"/door/{event.pk}/").status_code for each in (scanner, viewer)]
    assert scan == [200, 404]
