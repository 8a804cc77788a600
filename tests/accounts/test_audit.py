"""The audit log keeps who did what, commits with it, and takes nothing back."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from accounts import audit
from accounts.models import AppendOnly, AuditEntry, Organisation, Role, User
from tests.helpers.cast import make_member

pytestmark = pytest.mark.django_db


def rename(acme: Organisation, alice: Any, now: datetime, **changes: list[Any]) -> AuditEntry:
    return audit.record(
        organisation_id=acme.pk,
        actor=alice,
        action="organisation.renamed",
        subject=acme,
        changes=changes or {"name": ["Acme", "Acme & Sons"]},
        now=now,
    )


def test_keeps_who_did_what(acme: Organisation, alice: User, now: datetime) -> None:
    with audit.requests_from("192.0.2.7"):
        rename(acme, alice, now)
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.actor_label) == (alice, alice.email)
    assert (entry.subject_type, entry.subject_id) == ("accounts.organisation", str(acme.pk))
    assert entry.changes == {"name": ["Acme", "Acme & Sons"]}
    assert (entry.region, entry.address, entry.at) == ("us-east-1", "192.0.2.7", now)


def test_names_a_key_that_is_no_user(acme: Organisation, now: datetime) -> None:
    rename(acme, "Till 3 (key ab12)", now)
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.actor_label) == (None, "Till 3 (key ab12)")


def test_hides_secrets(acme: Organisation, alice: User, now: datetime) -> None:
    rename(acme, alice, now, password=["old hash", "new hash"], options=[{}, {"secret": "s3cr3t"}])
    stored = str(AuditEntry.objects.get().changes)
    assert "hash" not in stored
    assert "s3cr3t" not in stored


def test_stores_values_of_every_kind(acme: Organisation, alice: User, now: datetime) -> None:
    rename(acme, alice, now, at=[None, now], id=[uuid4(), {1, 2}], text=["", "x" * 10_000])
    assert len(str(AuditEntry.objects.get().changes)) < 1000


def test_compares_what_a_row_holds(acme: Organisation) -> None:
    old = audit.values_of(acme)
    acme.name = "Acme & Sons"
    assert audit.changed(old, audit.values_of(acme)) == {"name": ["Acme", "Acme & Sons"]}


def test_takes_nothing_back(acme: Organisation, alice: User, now: datetime) -> None:
    entry = rename(acme, alice, now)
    entry.action = "nothing"
    attempts: list[Any] = [
        entry.save,
        entry.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.filter(pk=entry.pk).update(action="nothing"),
        lambda: AuditEntry.objects.bulk_update([entry], ["action"]),
    ]
    for attempt in attempts:
        with pytest.raises(AppendOnly):
            attempt()
    assert AuditEntry.objects.get().action == "organisation.renamed"


@pytest.mark.django_db(transaction=True)
def test_commits_with_what_it_tells_or_not_at_all(
    acme: Organisation, alice: User, now: datetime
) -> None:
    def fail() -> None:
        with transaction.atomic():
            rename(acme, alice, now)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not AuditEntry.objects.exists()


@pytest.mark.django_db(transaction=True)  # a refusal dooms the outer transaction
def test_shows_itself_to_owners_and_managers(
    client: Client, acme: Organisation, alice: User, now: datetime
) -> None:
    entry = rename(acme, alice, now, name=["Acme", "<Acme>"])
    listed = reverse("admin:accounts_auditentry_changelist")
    one = reverse("admin:accounts_auditentry_change", args=[entry.pk])
    sees = {Role.OWNER: 200, Role.MANAGER: 200, Role.BOX_OFFICE: 403, Role.VIEWER: 403}
    for role, status in sees.items():
        client.force_login(make_member(role.value, acme, role))
        assert client.get(listed, {"q": "renamed"}).status_code == status
        assert client.get(one).status_code == status
        if status == 200:
            assert "Acme → &lt;Acme&gt;" in client.get(one).content.decode()
            assert client.post(one, {"action": "nothing"}).status_code == 403


def test_shows_itself_to_nobody_else(
    client: Client, acme: Organisation, alice: User, charlie: User, now: datetime
) -> None:
    entry = rename(acme, alice, now)
    client.force_login(charlie)
    page = client.get(reverse("admin:accounts_auditentry_changelist")).content.decode()
    assert "renamed" not in page
    assert client.get(reverse("admin:accounts_auditentry_change", args=[entry.pk])).status_code in {
        302,
        404,
    }
