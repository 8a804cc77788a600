"""Times on pages are as the clocks at the venue show them, for fans and for organisers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client

from accounts.models import User
from sales.models import Event, Seat, Venue
from tests.helpers.payments import paid

pytestmark = pytest.mark.django_db(transaction=True)

# Half past nine on the next day in Hobart.
STARTS = datetime(2031, 2, 24, 22, 30, tzinfo=UTC)


@pytest.fixture
def away(event: Event) -> Event:
    Venue.objects.filter(pk=event.venue_id).update(time_zone="Australia/Hobart")
    Event.objects.filter(pk=event.pk).update(starts_at=STARTS)
    event.refresh_from_db()
    return event


def get(client: Client, path: str) -> str:
    return client.get(path).content.decode()


def as_shown(client: Client, path: str) -> dict[str, str]:
    """Return what a form holds when it is opened, as a browser sends it back."""
    form = client.get(path).context["form"]
    return {bound.name: "" if (value := bound.value()) is None else str(value) for bound in form}


def test_fans_read_the_venues_time(client: Client, away: Event, seats: list[Seat]) -> None:
    shown = get(client, f"/events/{away.pk}/")
    assert "Tuesday, 25 February 2031, 09:30 AEDT" in shown
    assert " UTC" not in shown


def test_the_list_names_the_day_it_is_there(client: Client, away: Event) -> None:
    assert '<span class="day">25</span>' in get(client, "/")


def test_an_order_and_its_list_say_the_same(
    client: Client, away: Event, seats: list[Seat], fay: User
) -> None:
    order = paid(seats[:1], fay)
    client.force_login(fay)
    assert "25 February 2031, 09:30 AEDT" in get(client, f"/orders/{order.pk}/")
    for path in (f"/orders/{order.pk}/", "/orders/"):
        assert " UTC" not in get(client, path)


def test_organisers_write_and_read_the_venues_time(
    client: Client, away: Event, alice: User
) -> None:
    client.force_login(alice)
    address = f"/organise/events/{away.pk}/rules/"
    form = get(client, address)
    assert "Starts (Australia/Hobart)" in form
    assert 'value="2031-02-25T09:30"' in form
    given = {
        **as_shown(client, address),
        "starts_at": "2031-02-26T20:00",
        "on_sale_at": "2030-01-01T09:00",
        "off_sale_at": "2031-02-26T19:00",
        "fans_cancel_until": "",
    }
    assert client.post(address, given).status_code == 302
    away.refresh_from_db()
    assert away.starts_at == datetime(2031, 2, 26, 9, 0, tzinfo=UTC)
    shown = get(client, f"/organise/events/{away.pk}/")
    assert "26 February 2031, 20:00 AEDT" in shown
    assert "1 January 2030, 09:00 AEDT to 26 February 2031, 19:00 AEDT" in shown
    assert "26 Feb 2031, 20:00 AEDT" in get(client, "/admin/")


def test_a_new_event_takes_the_time_of_the_venue_that_is_chosen(
    client: Client, away: Event, alice: User
) -> None:
    client.force_login(alice)
    given = {
        "name": "Matinee",
        "venue": str(away.venue_id),
        "starts_at": "2031-07-01T14:00",
        "on_sale_at": "2031-01-01T14:00",
        "off_sale_at": "2031-07-01T13:00",
        "currency": "AUD",
    }
    assert client.post("/organise/events/new/", given).status_code == 302
    made = Event.objects.get(name="Matinee")
    assert made.starts_at == datetime(2031, 7, 1, 4, 0, tzinfo=UTC)  # winter there
    assert made.on_sale_at == datetime(2031, 1, 1, 3, 0, tzinfo=UTC)


def test_refuses_a_time_that_the_clocks_skip(client: Client, event: Event, alice: User) -> None:
    Venue.objects.filter(pk=event.venue_id).update(time_zone="Europe/Lisbon")
    client.force_login(alice)
    address = f"/organise/events/{event.pk}/rules/"
    given = {**as_shown(client, address), "starts_at": "2031-03-30T01:30"}
    answer = client.post(address, given).content.decode()
    assert "be interpreted in time zone Europe/Lisbon" in answer
    assert Event.objects.get(pk=event.pk).starts_at == event.starts_at
