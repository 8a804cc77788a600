"""What the admin refuses to everybody, and how it lists."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Membership, Organisation, Role, User
from accounts.tenancy import CHOSEN
from sales.models import Event, Order, QueuePlace, SeatingPlan, Venue, WaitingRoom
from sales.models.orders import new_reference
from tests.helpers.admin_pages import event_form, tenants_models, url, values
from tests.helpers.cast import make_event, make_user
from tests.helpers.tenant_rows import Rows

pytestmark = pytest.mark.django_db

WRITTEN_BY_THE_SALE = [
    "ledgerentry",
    "ticket",
    "order",
    "attempt",
    "stampede",
    "allowance",
    "hold",
    "payment",
    "refund",
    "scan",
]


@pytest.fixture
def root(client: Client, acme: Organisation) -> Client:
    """A superuser who has switched to acme."""
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    session = client.session
    session[CHOSEN] = str(acme.pk)
    session.save()
    return client


@pytest.mark.django_db(transaction=True)  # a refusal dooms the outer transaction
def test_lets_nobody_rewrite_what_happened(root: Client, acmes_rows: Rows) -> None:
    for row in (acmes_rows[apps.get_model("sales", name)] for name in WRITTEN_BY_THE_SALE):
        before = values(row)
        assert root.get(url(type(row), "change", row.pk)).status_code == 200
        assert root.get(url(type(row), "add")).status_code == 403
        for page in ("change", "delete"):
            response = root.post(url(type(row), page, row.pk), {"state": "void", "post": "yes"})
            assert response.status_code == 403
        assert values(row) == before


def test_keeps_an_event_without_seats_a_draft(client: Client, alice: User, draft: Event) -> None:
    plan = draft.plan
    Event.objects.filter(pk=draft.pk).update(plan=None)
    client.force_login(alice)
    form = event_form(draft.organisation, draft.venue, name="Secret", slug="s", state="published")
    page = client.post(url(Event, "change", draft.pk), form).content.decode()
    assert "The event has no seats yet, so it has to stay a draft." in page
    Event.objects.filter(pk=draft.pk).update(plan=plan)
    assert client.post(url(Event, "change", draft.pk), form).status_code == 302
    assert Event.objects.get(pk=draft.pk).state == "published"


def test_says_so_when_a_name_is_taken(client: Client, alice: User, acme: Organisation) -> None:
    one = Venue.objects.create(organisation=acme, name="One")
    Venue.objects.create(organisation=acme, name="Two")
    client.force_login(alice)
    form = {"name": "Two", "city": "", "time_zone": "UTC"}
    page = client.post(url(Venue, "change", one.pk), form)
    assert page.status_code == 200
    assert "is violated" in page.content.decode() or "already exists" in page.content.decode()


def test_refuses_a_time_zone_there_is_not(client: Client, alice: User, acme: Organisation) -> None:
    client.force_login(alice)
    form = {"organisation": str(acme.pk), "name": "A", "city": "", "time_zone": "Mars/Base"}
    assert "Europe/Lisbon" in client.post(url(Venue, "add"), form).content.decode()


@pytest.mark.django_db(transaction=True)  # a refusal dooms the outer transaction
def test_keeps_an_owner(client: Client, alice: User, bob: User) -> None:
    client.force_login(alice)
    own, bobs = Membership.objects.get(user=alice), Membership.objects.get(user=bob)
    page = client.post(url(Membership, "change", own.pk), {"role": "viewer"})
    assert "needs an owner" in page.content.decode()
    assert client.post(url(Membership, "delete", own.pk), {"post": "yes"}).status_code == 403
    assert client.post(url(Membership, "change", bobs.pk), {"role": "owner"}).status_code == 302
    assert client.post(url(Membership, "change", own.pk), {"role": "viewer"}).status_code == 302


def test_lets_the_platform_hire_somebody_by_email(
    root: Client, alice: User, acme: Organisation, fay: User
) -> None:
    form = {"organisation": str(acme.pk), "email": fay.email.upper(), "role": "manager"}
    assert root.post(url(Membership, "add"), form).status_code == 302
    assert Membership.objects.get(user=fay).role == Role.MANAGER
    again = root.post(url(Membership, "add"), form).content.decode()
    assert "has a role in the organisation already" in again
    nobody = root.post(url(Membership, "add"), {**form, "email": "no@example.com"})
    assert "Nobody has an account with this address" in nobody.content.decode()


@pytest.mark.django_db(transaction=True)  # a refusal dooms the outer transaction
def test_tells_no_owner_who_has_an_account(
    client: Client, alice: User, acme: Organisation, fay: User
) -> None:
    client.force_login(alice)
    for email in (fay.email, "no@example.com"):
        form = {"organisation": str(acme.pk), "email": email, "role": "manager"}
        assert client.post(url(Membership, "add"), form).status_code == 403
    assert not Membership.objects.filter(user=fay).exists()


def test_makes_a_user_by_email(root: Client) -> None:
    page = reverse("admin:accounts_user_add")
    assert root.get(page).status_code == 200
    passwords = {"password1": "correct horse battery", "password2": "correct horse battery"}
    form = {"email": "New@Example.com", "name": "New", "usable_password": "true", **passwords}
    assert root.post(page, form).status_code == 302
    assert User.objects.get(email="new@example.com").check_password("correct horse battery")


def test_protects_a_venue_that_events_use(client: Client, alice: User, event: Event) -> None:
    client.force_login(alice)
    page = client.post(url(Venue, "delete", event.venue_id), {"post": "yes"})
    assert page.status_code in {200, 403}
    assert SeatingPlan.objects.filter(venue=event.venue_id).exists()


def test_lists_many_rows_in_as_many_statements_as_few(
    client: Client, alice: User, acme: Organisation, acmes_rows: Rows
) -> None:
    client.force_login(alice)
    pages = {model: url(model, "changelist") for model in tenants_models()}
    for page in pages.values():
        client.get(page)  # content types and the like are read once
    few = {model: _statements(client, page) for model, page in pages.items()}
    for _ in range(3):
        make_event(acme)
    for row in acmes_rows.values():
        _copy(row, 3)
    assert {model: _statements(client, page) for model, page in pages.items()} == few


def _copy(row: Any, times: int) -> None:
    """Add rows like one, where nothing forbids that there are several."""
    if row._meta.model_name not in {"order", "ledgerentry", "stampede"}:
        return
    for _ in range(times):
        row.pk = uuid4()
        row._state.adding = True
        if isinstance(row, Order):
            row.reference = new_reference()
        row.save()


def _statements(client: Client, page: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(page).status_code == 200
    return len(queries)


def test_writes_money_for_people(client: Client, alice: User, acmes_rows: Rows) -> None:
    client.force_login(alice)
    for model in ("order", "ticket", "ledgerentry", "seat", "pricecategory"):
        page = client.get(url(apps.get_model("sales", model), "changelist")).content.decode()
        assert "45.00 EUR" in page


def test_a_cancelled_event_stays_cancelled(root: Client, event: Event) -> None:
    Event.objects.filter(pk=event.pk).update(state="cancelled")
    for state, status in (("published", 200), ("cancelled", 302)):
        form = event_form(event.organisation, event.venue, state=state)
        assert root.post(url(Event, "change", event.pk), form).status_code == status
        event.refresh_from_db()
        assert event.state == "cancelled"


def test_a_start_for_which_fans_were_drawn_stays(root: Client, event: Event, fay: User) -> None:
    """The same as on the organisers' pages: tests/organise/test_promises.py."""
    room = WaitingRoom.objects.create(event=event, opens_at=event.created_at, rate_per_minute=1)
    place = {"fan_id": fay.pk, "joined_at": event.created_at, "draw": 0.5, "region": "r"}
    QueuePlace.objects.create(id=fay.pk, room=room, **place)
    started = event.on_sale_at
    form = event_form(event.organisation, event.venue, state="published")
    shown = root.post(url(Event, "change", event.pk), form)
    assert "draw&#x27;s key is public since: the start stays" in shown.content.decode()
    event.refresh_from_db()
    assert event.on_sale_at == started
