"""An organiser sees and changes nothing of another organisation, by any path of the admin."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.urls import reverse

from accounts.models import Membership, Organisation, Role, User
from sales.models import Event, PriceCategory, Seat, SeatStatus, Venue
from tests.helpers.admin_pages import event_form, tenants_models, url, values
from tests.helpers.cast import make_event, make_member
from tests.helpers.tenant_rows import SECRET, Rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def charlies(client: Client, charlie: User) -> Client:
    client.force_login(charlie)
    return client


# Models of ours that nobody sees in the admin, and why.
NOT_SHOWN = {
    "sales.QueuePlace": "its draw is secret until the sale, and nobody reads a hundred thousand",
}


def test_registers_every_model_of_ours_or_says_why_not() -> None:
    ours = [
        *apps.get_app_config("accounts").get_models(),
        *apps.get_app_config("sales").get_models(),
    ]
    shown = admin.site._registry
    missing = {each._meta.label for each in ours if each not in shown and not each._meta.proxy}
    assert missing == set(NOT_SHOWN)


def test_has_a_row_of_every_tenants_model(acmes_rows: Rows) -> None:
    assert set(acmes_rows) == set(tenants_models())


def test_lists_and_finds_nothing_of_others(charlies: Client, acmes_rows: Rows) -> None:
    for model, row in acmes_rows.items():
        for query in ({}, {"q": SECRET[:4]}, {"q": "fay"}, {"all": ""}):
            response = charlies.get(url(model, "changelist"), query)
            assert response.status_code == 200
            page = response.content.decode()
            assert SECRET not in page, model
            assert str(row.pk) not in page, model


@pytest.mark.django_db(transaction=True)  # a refusal dooms the outer transaction
@pytest.mark.parametrize("page", ["change", "history", "delete"])
def test_opens_nothing_of_others_by_raw_id(charlies: Client, acmes_rows: Rows, page: str) -> None:
    for model, row in acmes_rows.items():
        before = values(row)
        for response in (
            charlies.get(url(model, page, row.pk)),
            charlies.post(url(model, page, row.pk), {"post": "yes", "name": "Mine now"}),
        ):
            assert response.status_code in {302, 403, 404}, model
            assert SECRET not in response.content.decode(), model
        assert values(row) == before


def test_deletes_nothing_of_others_in_bulk(charlies: Client, acmes_rows: Rows) -> None:
    for model, row in acmes_rows.items():
        data = {"action": "delete_selected", "_selected_action": str(row.pk), "post": "yes"}
        response = charlies.post(url(model, "changelist"), {**data, "select_across": "1"})
        assert response.status_code in {200, 302, 403}, model
        assert values(row)


def test_filters_by_nothing_of_others(charlies: Client, acmes_rows: Rows) -> None:
    event = acmes_rows[Event]
    for model in acmes_rows:
        for name in ("event", "event__id__exact", "organisation__id__exact", "event__slug"):
            response = charlies.get(url(model, "changelist"), {name: str(event.pk)}, follow=True)
            assert SECRET not in response.content.decode(), model


def test_offers_no_tickets_or_ids_by_autocomplete(charlies: Client, acmes_rows: Rows) -> None:
    for model, field in (("event", "venue"), ("seat", "category"), ("ticket", "order")):
        query = {"app_label": "sales", "model_name": model, "field_name": field, "term": ""}
        response = charlies.get(reverse("admin:autocomplete"), query)
        assert SECRET not in response.content.decode()


@pytest.mark.parametrize("label", ["sales.event", "sales.venue", "sales.pricecategory"])
def test_names_nothing_of_others_in_a_form(charlies: Client, acmes_rows: Rows, label: str) -> None:
    page = charlies.get(url(apps.get_model(label), "add"))
    assert page.status_code == 200
    assert SECRET not in page.content.decode()


def test_refuses_anothers_organisation_posted_by_hand(charlies: Client, acme: Organisation) -> None:
    venue = {"organisation": str(acme.pk), "name": "Trojan", "city": "", "time_zone": "UTC"}
    page = charlies.post(url(Venue, "add"), venue)
    assert page.status_code == 200
    assert "not one of the available choices" in page.content.decode()
    assert not Venue.objects.filter(name="Trojan").exists()


def test_refuses_anothers_venue_posted_by_hand(
    charlies: Client, rival: Organisation, event: Event
) -> None:
    page = charlies.post(url(Event, "add"), event_form(rival, event.venue))
    assert "not one of the available choices" in page.content.decode()
    own = Venue.objects.create(organisation=rival, name="Own")
    assert charlies.post(url(Event, "add"), event_form(rival, own)).status_code == 302
    assert Event.objects.get(organisation=rival).venue == own


def test_no_error_tells_what_is_taken_elsewhere(
    charlies: Client, rival: Organisation, event: Event
) -> None:
    """What has to be unique is so within an organisation: acme's address is free in rival."""
    venue = Venue.objects.create(organisation=rival, name="Rival's hall")
    theirs = event_form(event.organisation, venue, slug=event.slug)
    refused = charlies.post(url(Event, "add"), theirs).content.decode()
    assert "already exists" not in refused
    assert "not one of the available choices" in refused
    own = event_form(rival, venue, slug=event.slug)
    assert charlies.post(url(Event, "add"), own).status_code == 302
    again = charlies.post(url(Event, "add"), own).content.decode()
    assert "already exists" in again
    assert event.organisation.name not in again


def test_ties_no_rows_of_two_organisations_for_somebody_in_both(
    client: Client, alice: User, rival: Organisation, event: Event
) -> None:
    Membership.objects.create(organisation=rival, user=alice, role=Role.OWNER)
    client.force_login(alice)
    page = client.post(url(Event, "add"), event_form(rival, event.venue))
    assert "belong to different organisations" in page.content.decode()
    assert not Event.objects.filter(organisation=rival).exists()


def test_changes_no_inline_row_of_another_event(
    charlies: Client, rival: Organisation, event: Event
) -> None:
    own = make_event(rival)
    theirs = PriceCategory.objects.filter(event=event).first()
    assert theirs
    form = event_form(rival, own.venue, name=own.name, slug=own.slug, state="published")
    form |= {
        "categories-TOTAL_FORMS": "1",
        "categories-INITIAL_FORMS": "1",
        "categories-0-id": str(theirs.pk),
        "categories-0-event": str(own.pk),
        "categories-0-name": "Stolen",
        "categories-0-color": "#000000",
        "categories-0-price_minor": "1",
        "categories-0-position": "0",
    }
    charlies.raise_request_exception = False
    charlies.post(url(Event, "change", own.pk), form)
    assert values(theirs)["name"] == theirs.name
    assert values(theirs)["event_id"] == event.pk


def test_moves_no_row_to_another_organisation(
    client: Client, alice: User, rival: Organisation, event: Event
) -> None:
    Membership.objects.create(organisation=rival, user=alice, role=Role.OWNER)
    client.force_login(alice)
    form = {"organisation": str(rival.pk), "name": "Renamed", "city": "", "time_zone": "UTC"}
    assert client.post(url(Venue, "change", event.venue_id), form).status_code == 302
    venue = Venue.objects.get(pk=event.venue_id)
    assert (venue.name, venue.organisation_id) == ("Renamed", event.organisation_id)


@pytest.mark.django_db(transaction=True)  # a refusal dooms the outer transaction
def test_hires_nobody_for_another_organisation(
    charlies: Client, acme: Organisation, charlie: User
) -> None:
    form = {"organisation": str(acme.pk), "email": charlie.email, "role": "owner"}
    assert charlies.get(url(Membership, "add")).status_code == 403
    assert charlies.post(url(Membership, "add"), form).status_code == 403
    assert not Membership.objects.filter(organisation=acme, user=charlie).exists()


def test_leads_nowhere_by_view_on_site(charlies: Client, draft: Event) -> None:
    kind = ContentType.objects.get_for_model(Event)
    assert charlies.get(reverse("admin:view_on_site", args=[kind.pk, draft.pk])).status_code == 404


@pytest.mark.django_db(transaction=True)  # the start page's reading has one of its own
def test_shows_no_recent_actions_of_an_organisation_one_has_left(
    client: Client, alice: User, event: Event
) -> None:
    LogEntry.objects.create(
        user=alice,
        content_type=ContentType.objects.get_for_model(Event),
        object_id=str(event.pk),
        object_repr=SECRET,
        action_flag=CHANGE,
    )
    client.force_login(alice)
    assert SECRET not in client.get(reverse("admin:index")).content.decode()


def test_is_closed_to_fans_and_visitors(client: Client, fay: User, acmes_rows: Rows) -> None:
    for visitor in (None, fay):
        if visitor:
            client.force_login(visitor)
        for model in tenants_models():
            response = client.get(url(model, "changelist"))
            assert response.status_code == 302
            assert "/admin/login/" in response["Location"]


@pytest.mark.parametrize("label", ["accounts.user", "sales.storedanswer", "knox.authtoken"])
def test_keeps_the_platforms_own_rows_from_organisers(charlies: Client, label: str) -> None:
    model = apps.get_model(label)
    assert charlies.get(url(model, "changelist")).status_code == 403
    assert charlies.get(url(model, "change", uuid4())).status_code in {302, 403, 404}


@pytest.mark.django_db(transaction=True)  # a refusal dooms the outer transaction
def test_lets_each_role_do_its_part(client: Client, acme: Organisation, event: Event) -> None:
    may_change = {Role.VIEWER: 403, Role.BOX_OFFICE: 403, Role.MANAGER: 302, Role.OWNER: 302}
    form = {"name": "Renamed", "city": "", "time_zone": "UTC"}
    for role, status in may_change.items():
        client.force_login(make_member(role.value, acme, role))
        assert client.get(url(Venue, "change", event.venue_id)).status_code == 200
        assert client.post(url(Venue, "change", event.venue_id), form).status_code == status
        ledger = reverse("admin:sales_ledgerentry_changelist")
        assert client.get(ledger).status_code == (403 if role == Role.VIEWER else 200)


@pytest.mark.django_db(transaction=True)  # a refusal dooms the outer transaction
def test_changes_no_row_where_one_may_only_look(
    client: Client, charlie: User, acme: Organisation, event: Event
) -> None:
    Membership.objects.create(organisation=acme, user=charlie, role=Role.VIEWER)
    client.force_login(charlie)
    form = {"name": "Renamed", "city": "", "time_zone": "UTC"}
    assert client.post(url(Venue, "change", event.venue_id), form).status_code == 403
    data = {"action": "delete_selected", "_selected_action": str(event.venue_id), "post": "yes"}
    empty = Venue.objects.create(organisation=acme, name="Empty")
    client.post(url(Venue, "changelist"), {**data, "_selected_action": str(empty.pk)})
    assert Venue.objects.filter(pk=empty.pk).exists()


@pytest.mark.django_db(transaction=True)  # a refusal dooms the outer transaction
def test_touches_no_seat_that_is_sold(client: Client, alice: User, seats: list[Seat]) -> None:
    client.force_login(alice)
    form = {"status": "blocked", "category": str(seats[0].category_id)}
    assert client.post(url(Seat, "change", seats[0].pk), form).status_code == 302
    blocked = Seat.objects.get(pk=seats[0].pk)
    assert blocked.status == SeatStatus.BLOCKED
    assert blocked.changed_at > seats[0].changed_at  # watchers are told
    Seat.objects.filter(pk=seats[1].pk).update(status=SeatStatus.SOLD)
    assert client.post(url(Seat, "change", seats[1].pk), form).status_code == 403
    assert Seat.objects.get(pk=seats[1].pk).status == SeatStatus.SOLD
