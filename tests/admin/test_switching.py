"""A superuser sees no tenant's rows until he enters an organisation, which its audit log tells."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, Membership, Organisation, Role, User
from sales.models import Event
from tests.helpers.cast import make_event, make_user

pytestmark = pytest.mark.django_db(transaction=True)  # switching commits

PAGE = reverse("admin:organisation")
EVENTS = reverse("admin:sales_event_changelist")


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    return client


def enter(client: Client, organisation: Organisation | None) -> int:
    chosen = {"organisation": str(organisation.pk)} if organisation else {}
    return client.post(PAGE, chosen).status_code


def test_sees_nothing_before(root: Client, event: Event) -> None:
    assert root.get(EVENTS).status_code == 403
    change = reverse("admin:sales_event_change", args=[event.pk])
    assert root.get(change).status_code in {302, 403}
    assert event.name not in root.get(reverse("admin:index")).content.decode()


def test_enters_one_and_leaves_it(
    root: Client, event: Event, acme: Organisation, rival: Organisation
) -> None:
    other = make_event(rival, name="Rival Night")
    assert enter(root, acme) == 302
    page = root.get(EVENTS).content.decode()
    assert event.name in page
    assert other.name not in page
    assert acme.name in page  # in the header
    assert enter(root, rival) == 302
    page = root.get(EVENTS).content.decode()
    assert event.name not in page
    assert other.name in page
    assert enter(root, None) == 302
    assert root.get(EVENTS).status_code == 403


def test_is_told_by_the_audit_log(root: Client, acme: Organisation, rival: Organisation) -> None:
    for organisation in (acme, rival, None):
        enter(root, organisation)
    entries = AuditEntry.objects.order_by("at").values_list("organisation", "action", "actor_label")
    assert set(entries) == {
        (each.pk, action, "root@example.com")
        for each in (acme, rival)
        for action in ("superuser.entered", "superuser.left")
    }


def test_finds_organisations_by_name(root: Client, acme: Organisation, rival: Organisation) -> None:
    page = root.get(PAGE, {"q": "riv"}).content.decode()
    assert "Enter Rival" in page
    assert "Enter Acme" not in page


def test_members_narrow_to_one_of_theirs_and_no_other(
    client: Client, alice: User, event: Event, acme: Organisation, rival: Organisation
) -> None:
    own = make_event(rival, name="Rival Night")
    client.force_login(alice)
    assert enter(client, rival) == 403
    assert own.name not in client.get(EVENTS).content.decode()
    Membership.objects.create(organisation=rival, user=alice, role=Role.VIEWER)
    both = client.get(EVENTS).content.decode()
    assert own.name in both
    assert event.name in both
    assert enter(client, rival) == 302
    narrowed = client.get(EVENTS).content.decode()
    assert own.name in narrowed
    assert event.name not in narrowed
    Membership.objects.filter(organisation=rival, user=alice).delete()
    again = client.get(EVENTS).content.decode()  # she works there no more
    assert own.name not in again
    assert event.name in again


def test_a_superuser_reads_the_platforms_own_entries(root: Client, acme: Organisation) -> None:
    log = reverse("admin:accounts_auditentry_changelist")
    enter(root, acme)
    enter(root, None)
    assert "superuser.entered" not in root.get(log).content.decode()
    enter(root, acme)
    assert "superuser.entered" in root.get(log).content.decode()


def test_offers_no_choice_to_who_works_for_one(client: Client, alice: User) -> None:
    client.force_login(alice)
    page = client.get(reverse("admin:index")).content.decode()
    assert PAGE not in page
    assert "Acme" in page
