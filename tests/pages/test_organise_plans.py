"""Uploading, generating and using a plan in the organisers' pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import Organisation, User
from sales.demo import PLANS
from sales.models import BulkJob, Event, SeatingPlan, Venue
from sales.plans.tables import SAMPLE
from sales.views.organise import plan_forms

pytestmark = pytest.mark.django_db(transaction=True)

ClientAs = Callable[[User], Client]


@pytest.fixture
def venue(acme: Organisation) -> Venue:
    return Venue.objects.create(organisation=acme, name="Town Hall")


@pytest.fixture
def waiting(venue: Venue, now: datetime) -> Event:
    """A draft at the venue, without seats."""
    return Event.objects.create(
        organisation=venue.organisation,
        venue=venue,
        name="Premiere",
        slug="premiere",
        starts_at=now + timedelta(days=30),
        on_sale_at=now,
        off_sale_at=now + timedelta(days=29),
        currency="EUR",
    )


def plans(venue: Venue) -> str:
    return reverse("sales:organise-plans", args=[venue.pk])


def upload(client: Client, venue: Venue, data: bytes, name: str = "hall.csv") -> SeatingPlan | str:
    """Upload a plan; return it, or the page that says what is wrong."""
    answer = client.post(plans(venue), {"by": "upload", "file": SimpleUploadedFile(name, data)})
    if answer.status_code == 302:
        return SeatingPlan.objects.get(pk=answer.headers["Location"].split("/")[-2])
    return answer.content.decode()


def made(found: SeatingPlan | str) -> SeatingPlan:
    assert isinstance(found, SeatingPlan), found
    return found


def page(name: str, plan: SeatingPlan) -> str:
    return reverse(f"sales:organise-{name}", args=[plan.pk])


def test_looks_at_a_table_before_anything_is_taken(
    client_as: ClientAs, alice: User, venue: Venue
) -> None:
    alices = client_as(alice)
    plan = made(upload(alices, venue, SAMPLE.encode()))
    assert (plan.is_upload, plan.seat_count, plan.name) == (True, 6, "hall")
    shown = alices.get(page("plan", plan)).content.decode()
    assert "Nothing is changed until you take it" in shown
    assert "No plan yet" in alices.get(plans(venue)).content.decode()
    drawn = alices.get(page("plan-map", plan)).content.decode()
    assert drawn.count("<circle") == 6
    alices.post(page("plan-take", plan))
    assert "hall" in alices.get(plans(venue)).content.decode()


def test_makes_an_events_seats_of_an_uploaded_hall(
    client_as: ClientAs, alice: User, venue: Venue, waiting: Event
) -> None:
    alices = client_as(alice)
    plan = made(upload(alices, venue, (PLANS / "floor-96.json").read_bytes(), "floor.json"))
    prices = {"event": str(waiting.pk), "price0": "95.00", "price1": "45"}
    answer = alices.post(page("plan-make", plan), prices, follow=True)
    assert "Done: 96 of 96 seats" in answer.content.decode()
    waiting.refresh_from_db()
    assert (waiting.plan_id, waiting.seats.count()) == (plan.pk, 96)
    named = dict(waiting.categories.values_list("name", "price_minor"))
    assert named == {"Premium": 9500, "Standard": 4500}
    plan.refresh_from_db()
    assert not plan.is_upload


def test_compares_a_new_version_with_the_latest(
    client_as: ClientAs, alice: User, venue: Venue
) -> None:
    alices = client_as(alice)
    alices.post(page("plan-take", made(upload(alices, venue, SAMPLE.encode()))))
    newer = SAMPLE.replace("Stalls,A,2,Premium", "Stalls,A,2,Standard") + "Balcony,AA,3,Standard\n"
    newer = newer.replace("Stalls,B,2,Standard\n", "")
    shown = alices.get(page("plan", made(upload(alices, venue, newer.encode()))))
    for said in ("Balcony AA-3 is added", "Stalls B-2 is removed", "Stalls A-2 is changed"):
        assert said in shown.content.decode()


def test_generates_by_numbers(client_as: ClientAs, alice: User, venue: Venue) -> None:
    form = {
        "by": "numbers",
        "block-TOTAL_FORMS": "1",
        "block-INITIAL_FORMS": "0",
        "block-0-section": "Stalls",
        "block-0-rows": "H-J",
        "block-0-skip": "I",
        "block-0-seats": "4,6",
        "block-0-first": "1",
        "block-0-numbering": "2",
        "block-0-category": "Gold",
        "block-0-spacing": "25",
    }
    alices = client_as(alice)
    more = alices.post(plans(venue), {**form, "more": "1"}).content.decode()
    assert "Section 2" in more
    assert 'value="Stalls"' in more
    answer = alices.post(plans(venue), form)
    assert answer.status_code == 302
    plan = SeatingPlan.objects.get()
    assert plan.seat_count == 10
    layout = plan.sections.get().layout
    assert [row["row_number"] for row in layout["rows"]] == ["H", "J"]
    assert [seat["seat_number"] for seat in layout["rows"][0]["seats"]] == ["1", "3", "5", "7"]


def test_says_what_is_wrong_with_a_file(
    client_as: ClientAs, alice: User, venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    alices = client_as(alice)
    bad = SAMPLE.replace("Stalls,A,2,Premium", "Stalls,A,1,Premium").encode()
    assert "line 3" in str(upload(alices, venue, bad))
    assert "not JSON" in str(upload(alices, venue, b"{", "plan.json"))
    monkeypatch.setattr(plan_forms, "LARGEST_UPLOAD", 100)
    assert "at most" in str(upload(alices, venue, SAMPLE.encode() * 10))
    assert not SeatingPlan.objects.exists()


def test_asks_for_each_price(
    client_as: ClientAs, alice: User, venue: Venue, waiting: Event
) -> None:
    alices = client_as(alice)
    plan = made(upload(alices, venue, SAMPLE.encode()))
    bad = {"event": str(waiting.pk), "price0": "95.00", "price1": "cheap"}
    answer = alices.post(page("plan-make", plan), bad)
    assert answer.status_code == 400
    assert "Write the price as 45.00" in answer.content.decode()
    assert not BulkJob.objects.exists()


def test_is_closed_to_others(
    client_as: ClientAs, alice: User, bob: User, charlie: User, venue: Venue, waiting: Event
) -> None:
    plan = made(upload(client_as(alice), venue, SAMPLE.encode()))
    charlies, bobs = client_as(charlie), client_as(bob)
    assert charlies.get(plans(venue)).status_code == 404
    assert charlies.get(page("plan", plan)).status_code == 404
    prices = {"event": str(waiting.pk), "price0": "1", "price1": "1"}
    for name in ("plan-make", "plan-take", "plan-discard"):
        assert charlies.post(page(name, plan), prices).status_code == 404
        assert bobs.post(page(name, plan), prices).status_code == 403
    assert bobs.post(plans(venue), {"by": "upload"}).status_code == 403
    assert SeatingPlan.objects.get().is_upload
    assert not waiting.seats.exists()


def test_adds_a_venue_once(client_as: ClientAs, alice: User, acme: Organisation) -> None:
    alices = client_as(alice)
    form = {"organisation": str(acme.pk), "name": "Barn", "city": "", "time_zone": "Europe/Lisbon"}
    address = reverse("sales:organise-venues")
    assert alices.post(address, form).status_code == 302
    assert "of this name already" in alices.post(address, form).content.decode()
    assert Venue.objects.filter(name="Barn").count() == 1
    nowhere = {**form, "name": "Loft", "time_zone": "Nowhere/Land"}
    assert "Use a name such as Europe/Lisbon" in alices.post(address, nowhere).content.decode()
    assert not Venue.objects.filter(name="Loft").exists()
