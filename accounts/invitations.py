"""Inviting people to work for an organisation: a link by e-mail, good once, for a week."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.core import signing
from django.db.models import QuerySet
from django.urls import reverse

from accounts.audit import record
from accounts.emails import mark_confirmed
from accounts.models import Invitation, Membership, Organisation, Role, User
from accounts.models.users import normalise_email
from accounts.tenancy import organisations_of
from worldseat.dsql.occ import occ_retry
from worldseat.mail import send_mail_later, site_url

__all__ = [
    "AlreadyMember",
    "InvitationNotFound",
    "MayNotInvite",
    "WrongAccount",
    "accept",
    "invite",
    "may_give",
    "open_invitations",
    "read_link",
    "resend",
    "revoke",
    "token_of",
]

VALID_FOR = timedelta(days=7)

_signer = signing.Signer(salt="accounts.invitation")


class MayNotInvite(Exception):
    """You may not give this role: managers give roles up to their own, owners all."""


class AlreadyMember(Exception):
    """This person works for the organisation already."""


class InvitationNotFound(LookupError):
    """The invitation was used, withdrawn or has expired."""


class WrongAccount(Exception):
    """The invitation was sent to another address than your account's."""


def may_give(user: Any, organisation_id: UUID) -> list[Role]:
    """Return the roles that a user may give in an organisation, the highest first."""
    own = organisations_of(user, role=Role.OWNER)
    if own.filter(pk=organisation_id).exists():
        return list(Role)
    managed = organisations_of(user, role=Role.MANAGER)
    if managed.filter(pk=organisation_id).exists():
        return [role for role in Role if role != Role.OWNER]
    return []


def open_invitations(organisation: Organisation) -> QuerySet[Invitation]:
    """Return what was neither accepted nor revoked, expired ones too, the newest first."""
    found = Invitation.objects.filter(organisation=organisation, accepted_at=None, revoked_at=None)
    return found.select_related("invited_by").order_by("-created_at")


@occ_retry(repeatable=True)
def invite(
    *, organisation_id: UUID, email: str, role: str, actor: Any, now: datetime
) -> Invitation:
    """Offer a role to whoever reads the mail of an address, and send the link.

    An address that was invited already gets a new mail, and the new role. Raises MayNotInvite,
    AlreadyMember.
    """
    email = normalise_email(email)
    if role not in may_give(actor, organisation_id):
        raise MayNotInvite
    if Membership.objects.filter(organisation_id=organisation_id, user__email=email).exists():
        raise AlreadyMember
    open_ = Invitation.objects.filter(accepted_at=None, revoked_at=None)
    found = open_.filter(organisation_id=organisation_id, email=email).first()
    if found is not None:
        found.role = role
        return _send(found, actor, "invitation.resent", now)
    made = Invitation(
        id=uuid4(),
        organisation_id=organisation_id,
        email=email,
        role=role,
        invited_by=actor,
        created_at=now,
        sent_at=now,
        expires_at=now + VALID_FOR,
    )
    # Of two at one instant, the second meets a row its snapshot does not show: it looks again.
    Invitation.objects.bulk_create([made], ignore_conflicts=True)
    return _send(made, actor, "invitation.sent", now)


@occ_retry(repeatable=True)
def resend(*, invitation_id: UUID, actor: Any, now: datetime) -> Invitation:
    """Send an invitation again, for another week. Raises InvitationNotFound."""
    return _send(_load_of(actor, invitation_id), actor, "invitation.resent", now)


@occ_retry(repeatable=True)
def revoke(*, invitation_id: UUID, actor: Any, now: datetime) -> None:
    """Make an invitation's link useless. Raises InvitationNotFound."""
    found = _load_of(actor, invitation_id)
    found.revoked_at = now
    found.save(update_fields=["revoked_at"])
    _record(found, actor, "invitation.revoked", now)


def _load_of(actor: Any, invitation_id: UUID) -> Invitation:
    """Return an open invitation to a role that the actor may give."""
    found = Invitation.objects.filter(pk=invitation_id, accepted_at=None, revoked_at=None).first()
    if found is None or found.role not in may_give(actor, found.organisation_id):
        raise InvitationNotFound
    return found


def _send(invitation: Invitation, actor: Any, action: str, now: datetime) -> Invitation:
    invitation.sent_at, invitation.expires_at = now, now + VALID_FOR
    invitation.save(update_fields=["role", "sent_at", "expires_at"])
    _record(invitation, actor, action, now)
    path = reverse("accounts:invitation", args=[token_of(invitation)])
    send_mail_later(
        template="invitation",
        to=invitation.email,
        context={
            "organisation": invitation.organisation.name,
            "role": invitation.get_role_display().lower(),
            "invited_by": actor.name or actor.email,
            "url": f"{site_url()}{path}",
            "expires": f"{invitation.expires_at:%-d %B %Y, %H:%M} UTC",
        },
    )
    return invitation


def _record(invitation: Invitation, actor: Any, action: str, now: datetime) -> None:
    record(
        organisation_id=invitation.organisation_id,
        actor=actor,
        action=action,
        subject=invitation,
        changes={"role": [None, invitation.role]},
        now=now,
    )


def token_of(invitation: Invitation) -> str:
    """Return what stands in the link: the id, signed."""
    return _signer.sign(invitation.pk.hex)


def read_link(*, token: str, now: datetime) -> Invitation:
    """Return the invitation of a link, open still. Raises InvitationNotFound."""
    found = _of_token(token)
    if found is None or not found.is_open(now):
        raise InvitationNotFound
    return found


def _of_token(token: str) -> Invitation | None:
    try:
        invitation_id = UUID(hex=_signer.unsign(token))
    except (signing.BadSignature, ValueError):
        return None
    found = Invitation.objects.select_related("organisation", "invited_by")
    return found.filter(pk=invitation_id).first()


@occ_retry(repeatable=True)
def accept(*, token: str, user: User, now: datetime) -> Membership:
    """Give the invited role to the user of the invited address, once.

    Accepted twice by the same user, also at one instant, it gives one role: both write the
    invitation's row. Who has a role already keeps it.

    Raises WrongAccount, InvitationNotFound.
    """
    found = _of_token(token)
    if found is None:
        raise InvitationNotFound
    if found.email != user.email:
        raise WrongAccount
    held = Membership.objects.filter(organisation_id=found.organisation_id, user=user).first()
    if found.accepted_by_id == user.pk and held is not None:
        return held
    if not found.is_open(now):
        raise InvitationNotFound
    found.accepted_at, found.accepted_by = now, user
    found.save(update_fields=["accepted_at", "accepted_by"])
    mark_confirmed(user)
    _record(found, user, "invitation.accepted", now)
    return held or Membership.objects.create(
        organisation_id=found.organisation_id, user=user, role=found.role
    )
