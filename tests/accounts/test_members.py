"""Owners say who has which role, and an organisation keeps one of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

import pytest
from django.test import Client

from accounts.members import LastOwner, MemberNotFound, change_role, remove_member
from accounts.models import Membership, Organisation, Role, User
from tests.helpers.cast import at_once, make_member

pytestmark = pytest.mark.django_db(transaction=True)


def of(user: User) -> Membership:
    return Membership.objects.get(user=user)


def test_changes_a_role(client_as: Callable[[User], Client], alice: User, bob: User) -> None:
    page = f"/accounts/people/acme/members/{of(bob).pk}/"
    assert client_as(alice).post(page, {"do": "change", "role": "viewer"}).status_code == 302
    assert of(bob).role == "viewer"
    client_as(alice).post(page, {"do": "remove"})
    assert not Membership.objects.filter(user=bob).exists()


def test_keeps_the_last_owner(alice: User, now: datetime) -> None:
    with pytest.raises(LastOwner):
        change_role(membership_id=of(alice).pk, role="manager", actor=alice, now=now)
    with pytest.raises(LastOwner):
        remove_member(membership_id=of(alice).pk, actor=alice, now=now)
    assert of(alice).role == "owner"


def test_keeps_an_owner_when_two_leave_at_once(
    acme: Organisation, alice: User, now: datetime, instant_retries: None
) -> None:
    """Each is the last one only once the other has gone: write skew, unless it is held."""
    anna = make_member("anna", acme, Role.OWNER)
    results = at_once(
        [
            partial(remove_member, membership_id=of(user).pk, actor=user, now=now)
            for user in (alice, anna)
        ]
    )
    assert sorted(type(each).__name__ for each in results) == ["LastOwner", "NoneType"]
    assert Membership.objects.filter(role="owner").count() == 1


def test_is_the_owners_to_do(
    acme: Organisation, alice: User, bob: User, charlie: User, now: datetime
) -> None:
    manager = make_member("mia", acme, Role.MANAGER)
    for somebody in (manager, charlie, bob):
        with pytest.raises(MemberNotFound):
            change_role(membership_id=of(bob).pk, role="owner", actor=somebody, now=now)
    for somebody in (manager, charlie):
        with pytest.raises(MemberNotFound):
            remove_member(membership_id=of(bob).pk, actor=somebody, now=now)
    remove_member(membership_id=of(bob).pk, actor=bob, now=now)
    assert not Membership.objects.filter(user=bob).exists()
