"""Every URL of accounts, by GET and POST, as every role and as another organisation.

The URLs are those of the URL conf, so one that is added tomorrow is walked too. API keys are made
in the admin, which has a walk of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from allauth.mfa.models import Authenticator
from django.db.models import Model
from django.http import HttpResponseBase
from django.test import Client

from accounts.invitations import invite, token_of
from accounts.models import Invitation, Membership, Organisation, Role, User
from tests.accounts.second_factor import switch_on
from tests.helpers.belongings import rows_of
from tests.helpers.cast import make_member
from tests.helpers.every_page import paths, patterns
from tests.helpers.tenant_rows import SECRET

pytestmark = pytest.mark.django_db(transaction=True)

# Who logs out walks no further.
NOT_WALKED = {"accounts/logout/"}
# What a click on a member or an invitation says.
DEEDS = ("", "remove", "revoke")

Values = Mapping[str, Sequence[Any]]


def routes() -> list[str]:
    found = patterns(leave_out=("admin/",))
    return [each for each in found if each.startswith("accounts/") and each not in NOT_WALKED]


def values_of(organisation: Organisation, member: Any, invited: Any, token: str) -> Values:
    """Return what stands for the parameters of the paths; those of mails and keys name nothing."""
    return {
        "slug": [organisation.slug],
        "membership_id": [member],
        "invitation_id": [invited],
        "token": [token],
        "key": ["none"],
        "uidb36": ["1"],
        "pk": [each.pk for each in Authenticator.objects.all()],
    }


@pytest.fixture
def acmes(acmes_rows: dict[type[Model], Model], acme: Organisation, alice: User) -> Values:
    """Acme's people, whose names say SECRET, somebody invited, and alice's security key."""
    User.objects.filter(pk=alice.pk).update(name=SECRET)
    Organisation.objects.filter(pk=acme.pk).update(name=SECRET)
    invited = acmes_rows[Invitation]
    Authenticator.objects.create(user=alice, type=Authenticator.Type.WEBAUTHN, data={"name": "k"})
    acme.refresh_from_db()
    return values_of(acme, Membership.objects.get(user=alice).pk, invited.pk, "none")


def forms(path: str) -> Iterator[dict[str, str]]:
    """Yield what is posted: every deed there is to do with people, and what fills in the rest."""
    given = {"email": "new@example.com", "role": "owner", "require": "yes", "name": "Mine"}
    about_people = "/members/" in path or "/invitations/" in path
    yield from ({**given, "do": each} for each in (DEEDS if about_people else ("",)))


def walk(client: Client, values: Values) -> Iterator[tuple[str, HttpResponseBase]]:
    client.raise_request_exception = False
    walked = [path for route in routes() for path in paths(route, values)]
    for path in walked:
        yield f"GET {path}", client.get(path)
    for path in walked:
        for form in forms(path):
            yield f"POST {path}", client.post(path, form)


def told(client: Client, values: Values) -> dict[str, str]:
    """Walk, and return what each request was told; none may fail."""
    answers = {}
    for asked, answer in walk(client, values):
        assert answer.status_code < 500, asked
        answers[asked] = answer.content.decode() if hasattr(answer, "content") else ""
    return answers


def people_of(organisation: Organisation) -> Any:
    """Return all that a walk might change of an organisation, its members' factors too."""
    factors = Authenticator.objects.filter(user__memberships__organisation=organisation)
    return (
        Organisation.objects.filter(pk=organisation.pk).values().get(),
        rows_of(organisation),
        list(factors.order_by("pk").values_list("pk", "user_id", "data")),
    )


def test_the_walk_has_the_pages_of_people() -> None:
    ways = "\n".join(routes())
    for part in ("people/", "members/", "invitations/", "two-factor/", "guest/", "webauthn/keys/"):
        assert part in ways


OTHERS = ["nobody", "fay", "charlie", Role.SCANNER, Role.VIEWER, Role.BOX_OFFICE]


@pytest.mark.parametrize("who", OTHERS)
def test_shows_and_changes_nothing_of_who_is_not_hers(
    client: Client, acmes: Values, acme: Organisation, fay: User, charlie: User, who: str
) -> None:
    if who in Role.values:
        client.force_login(make_member("works", acme, Role(who)))
    elif who != "nobody":
        client.force_login({"fay": fay, "charlie": charlie}[who])
    before = people_of(acme)
    answers = told(client, acmes)
    if who in Role.values:  # she knows where she works, and not who else does
        answers = {each: text for each, text in answers.items() if "/people/" in each}
    assert not [each for each, text in answers.items() if SECRET.lower() in text.lower()]
    assert people_of(acme) == before


def test_a_manager_invites_and_changes_no_roles(
    client: Client, acmes: Values, acme: Organisation, alice: User
) -> None:
    client.force_login(make_member("manages", acme, Role.MANAGER))
    members = list(Membership.objects.order_by("pk").values_list("user", "role"))
    answers = told(client, acmes)
    assert SECRET in answers[f"GET /accounts/people/{acme.slug}/"]
    assert list(Membership.objects.order_by("pk").values_list("user", "role")) == members
    acme.refresh_from_db()
    assert not acme.requires_two_factor
    assert Authenticator.objects.filter(user=alice).exists()
    assert not Invitation.objects.filter(role=Role.OWNER, email="new@example.com").exists()


def test_an_owner_does_it_all_and_stays_one(
    client: Client, acmes: Values, acme: Organisation, alice: User
) -> None:
    """She removes alice, after having made her an owner, and is the last one herself."""
    owner = make_member("owns", acme, Role.OWNER)
    client.force_login(owner)
    told(client, acmes)
    assert not Membership.objects.filter(user=alice).exists()
    assert Invitation.objects.filter(role=Role.OWNER, email="new@example.com").exists()
    own = Membership.objects.get(user=owner)
    told(client, {**acmes, "membership_id": [own.pk]})
    assert Membership.objects.get(user=owner).role == Role.OWNER
    acme.refresh_from_db()
    assert not acme.requires_two_factor, "she has no second factor, and would be locked out"


@pytest.mark.parametrize("by_her_own_address", [True, False])
def test_the_owner_never_changes_what_is_others(
    client: Client,
    acmes: Values,
    acme: Organisation,
    rival: Organisation,
    charlie: User,
    now: datetime,
    by_her_own_address: bool,
) -> None:
    """Ids of rival's below her own organisation's address, and rival's own address."""
    switch_on(owner := make_member("owns", acme, Role.OWNER))
    client.force_login(owner)
    invited = invite(
        organisation_id=rival.pk,
        email="theirs@example.com",
        role=Role.VIEWER,
        actor=charlie,
        now=now,
    )
    member = Membership.objects.get(user=charlie)
    where = acme if by_her_own_address else rival
    before = people_of(rival)
    told(client, values_of(where, member.pk, invited.pk, "none"))
    assert people_of(rival) == before


def test_an_invitation_is_taken_by_nobody_else(
    client: Client, acmes: Values, acme: Organisation, charlie: User
) -> None:
    """Its link tells who invites whom; it is good for the account of that address alone."""
    (invited_id,) = acmes["invitation_id"]
    assert isinstance(invited_id, UUID)
    token = token_of(Invitation.objects.get(pk=invited_id))
    client.force_login(charlie)
    before = people_of(acme)
    told(client, {**acmes, "membership_id": [uuid4()], "token": [token]})
    assert people_of(acme) == before
    assert not Membership.objects.filter(user=charlie, organisation=acme).exists()
