"""Who works for an organisation: roles given, changed and taken away."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet

from accounts.audit import record
from accounts.models import Membership, Organisation, Role
from accounts.tenancy import organisations_of
from worldseat.dsql.occ import occ_retry

__all__ = [
    "LastOwner",
    "MemberNotFound",
    "change_role",
    "hold_owners",
    "is_last_owner",
    "members_of",
    "remove_member",
]


class MemberNotFound(LookupError):
    """There is no such member, or none whose role you may change."""


class LastOwner(Exception):
    """An organisation needs an owner: make somebody else one first."""


def members_of(organisation: Organisation) -> QuerySet[Membership]:
    """Return who works for an organisation, by name."""
    members = Membership.objects.filter(organisation=organisation)
    return members.select_related("user").order_by("user__name", "user__email")


@occ_retry(repeatable=True)
def change_role(*, membership_id: UUID, role: str, actor: Any, now: datetime) -> Membership:
    """Give a member another role; owners may. Raises MemberNotFound, LastOwner."""
    member = _load(membership_id, actor)
    old = member.role
    if old == role:
        return member
    hold_owners(member.organisation_id)
    if is_last_owner(member):
        raise LastOwner
    member.role = role
    member.save(update_fields=["role"])
    record(
        organisation_id=member.organisation_id,
        actor=actor,
        action="membership.changed",
        subject=member,
        changes={"role": [old, role]},
        now=now,
    )
    return member


@occ_retry(repeatable=True)
def remove_member(*, membership_id: UUID, actor: Any, now: datetime) -> None:
    """Take a member's role away; owners may, and members their own.

    Raises MemberNotFound, LastOwner.
    """
    member = _load(membership_id, actor, or_own=True)
    hold_owners(member.organisation_id)
    if is_last_owner(member):
        raise LastOwner
    record(
        organisation_id=member.organisation_id,
        actor=actor,
        action="membership.deleted",
        subject=member,
        changes={"role": [member.role, None]},
        now=now,
    )
    member.delete()


def _load(membership_id: UUID, actor: Any, *, or_own: bool = False) -> Membership:
    found = Membership.objects.select_related("user", "organisation")
    member = found.filter(pk=membership_id).first()
    if member is None:
        raise MemberNotFound
    own = organisations_of(actor, role=Role.OWNER)
    is_owner = own.filter(pk=member.organisation_id).exists()
    if not is_owner and not (or_own and member.user_id == actor.pk):
        raise MemberNotFound
    return member


def hold_owners(organisation_id: UUID) -> None:
    """Let nobody else change who owns an organisation until this transaction has committed.

    Two owners who remove each other at one instant write different rows, and snapshot isolation
    would let both: so each writes the organisation's.
    """
    Organisation.objects.filter(pk=organisation_id).update(name=F("name"))


def is_last_owner(membership: Membership) -> bool:
    """Tell whether an organisation would have no owner without this membership."""
    owners = Membership.objects.filter(
        organisation_id=membership.organisation_id, role=Role.OWNER, user__is_active=True
    )
    found = list(owners.values_list("pk", flat=True)[:2])
    return found == [membership.pk]
