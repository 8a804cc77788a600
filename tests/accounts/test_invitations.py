"""An invitation gives its role once, to the address it was sent to."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.test import Client

from accounts import invitations
from accounts.invitations import accept, invite, read_link, token_of
from accounts.models import AuditEntry, Invitation, Membership, Organisation, Role, User
from tests.helpers.cast import PASSWORD, at_once, make_member, make_user

pytestmark = pytest.mark.django_db(transaction=True)

Mails = list[dict[str, Any]]


@pytest.fixture
def mails(monkeypatch: pytest.MonkeyPatch) -> Mails:
    """What would be sent; nothing is queued before the commit (tests/mail)."""
    sent: Mails = []
    monkeypatch.setattr(invitations, "send_mail_later", lambda **mail: sent.append(mail))
    return sent


@pytest.fixture
def invited(acme: Organisation, alice: User, mails: Mails, now: datetime) -> Invitation:
    return invite(
        organisation_id=acme.pk,
        email=" Nina@Example.com",
        role=Role.BOX_OFFICE,
        actor=alice,
        now=now,
    )


def path_of(mail: dict[str, Any]) -> str:
    found = re.search(r"/accounts/invitations/\S+", mail["context"]["url"])
    assert found
    return found[0]


def test_leads_a_newcomer_from_the_mail_to_her_role(
    client: Client, client_as: Callable[[User], Client], alice: User, mails: Mails
) -> None:
    people = "/accounts/people/acme/"
    form = {"email": "nina@example.com", "role": "box_office"}
    assert client_as(alice).post(people, form).status_code == 302
    (mail,) = mails
    assert (mail["template"], mail["to"]) == ("invitation", "nina@example.com")
    page = client.get(path_of(mail)).content.decode()
    assert "box office" in page
    register = re.search(r'href="(/accounts/register/[^"]+)"', page)
    assert register
    account = {
        "name": "Nina",
        "email": "nina@example.com",
        "password": PASSWORD,
        "next": path_of(mail),
    }
    assert client.post("/accounts/register/", account)["Location"] == path_of(mail)
    assert client.post(path_of(mail))["Location"] == "/organise/"
    member = Membership.objects.get(user__email="nina@example.com")
    assert (member.organisation.slug, member.role) == ("acme", "box_office")
    logged = AuditEntry.objects.order_by("at").values_list("action", flat=True)
    assert list(logged) == ["invitation.sent", "invitation.accepted"]


def test_is_refused_to_another_account(
    client_as: Callable[[User], Client], fay: User, invited: Invitation
) -> None:
    browser, path = client_as(fay), f"/accounts/invitations/{token_of(invited)}/"
    assert "another address" in browser.get(path).content.decode()
    assert browser.post(path).status_code == 302
    assert not Membership.objects.filter(user=fay).exists()


def test_gives_one_role_when_accepted_twice_at_once(invited: Invitation, now: datetime) -> None:
    nina = make_user("nina")
    take = partial(accept, token=token_of(invited), user=nina, now=now)
    results: list[Any] = at_once([take, take])
    assert [getattr(each, "role", each) for each in results] == ["box_office", "box_office"]
    assert Membership.objects.filter(user=nina).count() == 1
    assert AuditEntry.objects.filter(action="invitation.accepted").count() == 1


def test_is_good_once(
    client: Client, invited: Invitation, now: datetime, alice: User, acme: Organisation
) -> None:
    nina = make_user("nina")
    member = accept(token=token_of(invited), user=nina, now=now)
    member.delete()
    with pytest.raises(invitations.InvitationNotFound):
        accept(token=token_of(invited), user=nina, now=now)
    assert client.get(f"/accounts/invitations/{token_of(invited)}/").status_code == 410


def test_expires_and_lives_again_when_it_is_sent_again(
    invited: Invitation, alice: User, mails: Mails, now: datetime
) -> None:
    later = now + timedelta(days=8)
    with pytest.raises(invitations.InvitationNotFound):
        read_link(token=token_of(invited), now=later)
    invitations.resend(invitation_id=invited.pk, actor=alice, now=later)
    assert len(mails) == 2
    assert read_link(token=token_of(invited), now=later).email == "nina@example.com"


def test_is_over_when_it_is_withdrawn(
    client_as: Callable[[User], Client], invited: Invitation, alice: User, now: datetime
) -> None:
    action = f"/accounts/people/acme/invitations/{invited.pk}/"
    assert client_as(alice).post(action, {"do": "revoke"}).status_code == 302
    with pytest.raises(invitations.InvitationNotFound):
        accept(token=token_of(invited), user=make_user("nina"), now=now)
    assert not Membership.objects.filter(user__email="nina@example.com").exists()


@pytest.mark.parametrize("token", ["x", "", "0" * 32, "0" * 32 + ":forged"])
def test_is_nothing_when_it_is_forged(client: Client, token: str) -> None:
    assert client.get(f"/accounts/invitations/{token or 'y'}/").status_code == 410


def test_is_sent_again_to_who_was_invited_already(
    invited: Invitation, acme: Organisation, alice: User, mails: Mails, now: datetime
) -> None:
    again = invite(
        organisation_id=acme.pk, email="nina@example.com", role="viewer", actor=alice, now=now
    )
    assert (again.pk, len(mails)) == (invited.pk, 2)
    assert Invitation.objects.get().role == "viewer"


def test_is_made_once_by_two_at_the_same_instant(
    acme: Organisation, alice: User, mails: Mails, now: datetime
) -> None:
    call = partial(
        invite, organisation_id=acme.pk, email="nina@example.com", role="viewer", now=now
    )
    results = at_once([partial(call, actor=alice)] * 3)
    assert not [each for each in results if isinstance(each, Exception)]
    assert Invitation.objects.count() == 1


@pytest.mark.parametrize(
    ("role", "gives"),
    [
        (Role.OWNER, set(Role)),
        (Role.MANAGER, {Role.MANAGER, Role.BOX_OFFICE, Role.VIEWER, Role.SCANNER}),
        (Role.BOX_OFFICE, set()),
        (Role.VIEWER, set()),
        (Role.SCANNER, set()),
    ],
)
def test_offers_no_more_than_who_invites_may_give(
    acme: Organisation, mails: Mails, now: datetime, role: Role, gives: set[Role]
) -> None:
    member = make_member("mia", acme, role)
    for offered in Role:
        asked: dict[str, Any] = {
            "organisation_id": acme.pk,
            "email": f"{offered}@example.com",
            "now": now,
        }
        if offered in gives:
            invite(**asked, role=offered, actor=member)
        else:
            with pytest.raises(invitations.MayNotInvite):
                invite(**asked, role=offered, actor=member)
    assert {each.role for each in Invitation.objects.all()} == gives


def test_touches_nothing_of_another_organisation(
    client_as: Callable[[User], Client], charlie: User, invited: Invitation, now: datetime
) -> None:
    browser = client_as(charlie)
    assert browser.get("/accounts/people/acme/").status_code == 404
    for slug in ("acme", "rival"):
        browser.post(f"/accounts/people/{slug}/invitations/{invited.pk}/", {"do": "revoke"})
    invited.refresh_from_db()
    assert invited.revoked_at is None
    with pytest.raises(invitations.MayNotInvite):
        invite(
            organisation_id=invited.organisation_id,
            email="eve@example.com",
            role="viewer",
            actor=charlie,
            now=now,
        )
