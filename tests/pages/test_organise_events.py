"""The organisers' page of an event, its forms, and how fans will see it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts.models import User
from sales.models import Event, Seat

pytestmark = pytest.mark.django_db(transaction=True)

ClientAs = Callable[[User], Client]


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    cache.clear()


def page(name: str, event: Event) -> str:
    return reverse(f"sales:organise-{name}", args=[event.pk])


def rules_of(event: Event, **changes: Any) -> dict[str, Any]:
    return {
        "name": event.name,
        "description": "",
        "starts_at": event.starts_at.strftime("%Y-%m-%dT%H:%M"),
        "on_sale_at": event.on_sale_at.strftime("%Y-%m-%dT%H:%M"),
        "off_sale_at": event.off_sale_at.strftime("%Y-%m-%dT%H:%M"),
        "limit_per_fan": "4",
        "hold_minutes": "10",
        "hold_limit_minutes": "30",
        "fee": "0",
        "fee_percent": "0",
        "fans_cancel_until": "",
        **changes,
    }


def test_pauses_and_resumes(client_as: ClientAs, alice: User, event: Event) -> None:
    alices = client_as(alice)
    shown = alices.post(page("move", event), {"move": "pause"}, follow=True).content.decode()
    assert "The sale is paused" in shown
    event.refresh_from_db()
    assert event.state == "paused"
    shown = alices.post(page("move", event), {"move": "publish"}, follow=True).content.decode()
    assert "Nothing was changed" not in shown or "cannot publish" in shown


def test_changes_rules_as_people_write_them(client_as: ClientAs, alice: User, event: Event) -> None:
    alices = client_as(alice)
    changed = rules_of(event, fee="1.50", fee_percent="2.5", hold_minutes="7.5", limit_per_fan="2")
    assert alices.get(page("rules", event)).status_code == 200
    assert alices.post(page("rules", event), changed).status_code == 302
    event.refresh_from_db()
    assert (event.fee_minor, event.fee_basis_points) == (150, 250)
    assert (event.hold_seconds, event.limit_per_fan) == (450, 2)
    answer = alices.post(page("rules", event), rules_of(event, hold_limit_minutes="1", fee="x"))
    shown = answer.content.decode()
    assert "may not be shorter" in shown
    assert "Write the fee as 1.50" in shown


def test_shows_a_draft_as_fans_will_see_it(
    client_as: ClientAs, alice: User, charlie: User, draft: Event
) -> None:
    shown = client_as(alice).get(page("as-fan", draft)).content.decode()
    assert "A preview" in shown
    assert "disabled" in shown
    assert "On sale" in shown
    draft.refresh_from_db()
    assert draft.state == "draft"
    assert client_as(charlie).get(page("as-fan", draft)).status_code == 404


def test_sells_nothing_of_a_draft_that_was_previewed(
    client_as: ClientAs, alice: User, draft: Event
) -> None:
    seat = Seat.objects.filter(event=draft).first()
    assert seat
    form = {"seat": str(seat.pk), "key": "k" * 32}
    client_as(alice).post(reverse("sales:purchase", args=[draft.pk]), form)
    seat.refresh_from_db()
    assert seat.status == "available"


def test_duplicates_and_leads_to_the_job(client_as: ClientAs, alice: User, event: Event) -> None:
    later = {
        name: (getattr(event, name) + timedelta(days=7)).strftime("%Y-%m-%dT%H:%M")
        for name in ("starts_at", "on_sale_at", "off_sale_at")
    }
    alices = client_as(alice)
    answer = alices.post(page("duplicate", event), {"name": "Again", **later}, follow=True)
    assert "Done: 12 of 12 seats" in answer.content.decode()
    made = Event.objects.get(name="Again")
    assert made.seats.count() == 12


def test_makes_an_event_at_an_own_venue_only(
    client_as: ClientAs, alice: User, charlie: User, event: Event
) -> None:
    given = {**rules_of(event), "venue": str(event.venue_id), "currency": "EUR", "name": "New"}
    address = reverse("sales:organise-new-event")
    assert client_as(charlie).post(address, given).status_code == 200  # the form again
    assert Event.objects.count() == 1
    assert client_as(alice).post(address, given).status_code == 302
    assert Event.objects.get(name="New").state == "draft"


def test_is_closed_to_others(client_as: ClientAs, bob: User, charlie: User, event: Event) -> None:
    charlies, bobs = client_as(charlie), client_as(bob)
    for name in ("event", "rules", "duplicate", "as-fan"):
        assert charlies.get(page(name, event)).status_code == 404
    assert charlies.post(page("move", event), {"move": "pause"}).status_code == 404
    assert bobs.get(page("event", event)).status_code == 200
    for name in ("rules", "duplicate"):
        assert bobs.get(page(name, event)).status_code == 403
    assert bobs.post(page("move", event), {"move": "pause"}).status_code == 403
    event.refresh_from_db()
    assert event.state == "published"
