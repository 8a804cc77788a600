"""What the admin saves and deletes is in the audit log, and Django's own log is not kept."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from accounts.audited_admin import AuditedAdmin
from accounts.models import AuditEntry, Organisation, Role, User
from sales.models import Event, PriceCategory, Venue
from tests.helpers.cast import make_member, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def alices(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def test_every_admin_keeps_the_log() -> None:
    others = [
        str(each) for each in admin.site._registry.values() if not isinstance(each, AuditedAdmin)
    ]
    assert not others


def test_records_what_was_added_changed_and_deleted(
    alices: Client, alice: User, acme: Organisation
) -> None:
    form = {"organisation": str(acme.pk), "name": "Barn", "city": "Porto", "time_zone": "UTC"}
    assert alices.post(reverse("admin:sales_venue_add"), form).status_code == 302
    venue = Venue.objects.get(name="Barn")
    change = reverse("admin:sales_venue_change", args=[venue.pk])
    assert alices.post(change, {**form, "name": "Shed"}).status_code == 302
    assert alices.post(change, {**form, "name": "Shed"}).status_code == 302  # changes nothing
    delete = reverse("admin:sales_venue_delete", args=[venue.pk])
    assert alices.post(delete, {"post": "yes"}).status_code == 302
    added, changed, deleted = AuditEntry.objects.order_by("at")
    assert (added.action, changed.action) == ("venue.added", "venue.changed")
    assert deleted.action == "venue.deleted"
    assert {(each.organisation, each.actor) for each in (added, changed, deleted)} == {
        (acme, alice)
    }
    assert added.changes["city"] == [None, "Porto"]
    assert changed.changes == {"name": ["Barn", "Shed"]}
    assert deleted.changes["name"] == ["Shed", None]
    assert not LogEntry.objects.exists()


def test_records_a_deletion_by_action(alices: Client, acme: Organisation) -> None:
    venues = [Venue.objects.create(organisation=acme, name=name) for name in ("One", "Two")]
    data = {"action": "delete_selected", "post": "yes"}
    chosen = [str(venue.pk) for venue in venues]
    alices.post(reverse("admin:sales_venue_changelist"), {**data, "_selected_action": chosen})
    assert sorted(AuditEntry.objects.values_list("subject_label", flat=True)) == ["One", "Two"]


def test_records_what_an_inline_changed(alices: Client, acme: Organisation, event: Event) -> None:
    front = PriceCategory.objects.get(event=event, name="Front")
    day = {f"{each}_0": "2027-01-01" for each in ("starts_at", "on_sale_at")}
    form = {
        "name": event.name,
        "slug": event.slug,
        "state": "published",
        "limit_per_fan": "4",
        "hold_seconds": "600",
        "hold_limit_seconds": "1800",
        "fee_minor": "0",
        "fee_basis_points": "0",
        **day,
        "off_sale_at_0": "2027-01-02",
        **{f"{each}_1": "20:00" for each in ("starts_at", "on_sale_at", "off_sale_at")},
        "categories-TOTAL_FORMS": "1",
        "categories-INITIAL_FORMS": "1",
        "categories-0-id": str(front.pk),
        "categories-0-event": str(event.pk),
        "categories-0-name": "Front",
        "categories-0-color": "#aa0000",
        "categories-0-price_minor": "5000",
        "categories-0-position": "0",
    }
    page = alices.post(reverse("admin:sales_event_change", args=[event.pk]), form)
    assert page.status_code == 302, page.content.decode()
    entry = AuditEntry.objects.get(action="pricecategory.changed")
    assert entry.changes == {"price_minor": [4500, 5000]}
    assert entry.organisation == acme


def test_records_no_password(client: Client) -> None:
    client.force_login(make_user("root", is_superuser=True, is_staff=True))
    user = make_user("gina")
    form = {"password1": "correct horse", "password2": "correct horse", "usable_password": "true"}
    page = client.post(reverse("admin:auth_user_password_change", args=[user.pk]), form)
    assert page.status_code == 302, page.content.decode()
    entry = AuditEntry.objects.get()
    assert entry.organisation is None
    assert entry.changes == {"password": ["(hidden)", "(hidden)"]}


def test_shows_the_history_to_owners_and_managers(
    client: Client, alices: Client, acme: Organisation, event: Event
) -> None:
    change = reverse("admin:sales_venue_change", args=[event.venue_id])
    alices.post(change, {"name": "Shed", "city": "", "time_zone": "UTC"})
    history = reverse("admin:sales_venue_history", args=[event.venue_id])
    for role in (Role.OWNER, Role.MANAGER):
        client.force_login(make_member(role.value, acme, role))
        assert "→ Shed" in client.get(history).content.decode()
        assert history in client.get(change).content.decode()
    client.force_login(make_member("viewer", acme, Role.VIEWER))
    assert client.get(history).status_code == 403
    assert history not in client.get(change).content.decode()
