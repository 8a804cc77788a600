"""The organisers' start page: their events, how they sell, nobody else's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from accounts.models import Organisation, Role, User
from sales.models import Event, Seat
from tests.helpers.cast import make_event, make_member
from tests.helpers.purchases import buy

pytestmark = pytest.mark.django_db(transaction=True)

ClientAs = Callable[[User], Client]


def test_lists_own_events_with_what_is_sold(
    client_as: ClientAs, alice: User, fay: User, event: Event, draft: Event, seat: Seat
) -> None:
    buy(seat, fay)
    page = client_as(alice).get("/organise/").content.decode()
    assert "<b>1</b> of 12 sold, 11 left" in page
    assert "<b>0</b> of 12 sold" in page
    assert draft.name in page


def test_shows_no_other_organisation(
    client_as: ClientAs, charlie: User, event: Event, rival: Organisation
) -> None:
    mine = make_event(rival, name="Rival Night")
    page = client_as(charlie).get("/organise/").content.decode()
    assert mine.name in page
    assert event.name not in page


def test_is_for_members(client_as: ClientAs, fay: User, event: Event) -> None:
    assert Client().get("/organise/")["Location"].startswith("/accounts/login/")
    assert client_as(fay).get("/organise/").status_code == 403
    vera = make_member("vera", event.organisation, Role.VIEWER)
    assert client_as(vera).get("/organise/").status_code == 200


def test_goes_on_with_earlier_events(client_as: ClientAs, alice: User, acme: Organisation) -> None:
    first = make_event(acme, name="Number 0")
    for number in range(1, 31):
        copy = Event.objects.get(pk=first.pk)
        copy.pk, copy.name, copy.slug = None, f"Number {number}", str(number)
        copy.starts_at += timedelta(days=number)
        copy.save(force_insert=True)
    client = client_as(alice)
    response = client.get("/organise/")
    following = response.context["overview"].following
    assert "Number 0<" not in response.content.decode()
    later = client.get("/organise/", {"after": following}).content.decode()
    assert "Number 0<" in later
    assert "Number 1<" not in later
    assert client.get("/organise/", {"after": "nonsense"}).status_code == 200


def test_leads_who_begins_to_the_first_event_and_nobody_else(
    client_as: ClientAs, alice: User, acme: Organisation
) -> None:
    page = client_as(alice).get("/organise/").content.decode()
    assert 'href="/organise/venues/">Add the venue' in page
    assert 'href="/organise/events/new/"' in page
    door = make_member("dora", acme, Role.SCANNER)
    page = client_as(door).get("/organise/").content.decode()
    assert "No events yet." in page
    assert "Add the venue" not in page
    assert "New event" not in page
