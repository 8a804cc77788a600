"""Who may do what, in which organisation."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.db.models import Exists, Q, QuerySet
from django.http import HttpRequest

from accounts.models import (
    ApiKeyUser,
    GuestUser,
    Membership,
    Organisation,
    OrganisationQuerySet,
    Role,
)

NOBODY = UUID(int=0)

__all__ = [
    "CHOSEN",
    "NOBODY",
    "as_uuid",
    "managed_in",
    "memberships_of",
    "organisations_of",
    "roles_at_least",
    "roles_in",
]

# What the session calls the one organisation that somebody works in now.
CHOSEN = "organisation"

# Who may do what a role may. No ladder: whoever sits in the box office can scan, but a viewer
# cannot, and a scanner sees nothing of the organisation but tickets at its doors.
_COVERED_BY = {
    Role.OWNER: (Role.OWNER,),
    Role.MANAGER: (Role.OWNER, Role.MANAGER),
    Role.BOX_OFFICE: (Role.OWNER, Role.MANAGER, Role.BOX_OFFICE),
    Role.VIEWER: (Role.OWNER, Role.MANAGER, Role.BOX_OFFICE, Role.VIEWER),
    Role.SCANNER: (Role.OWNER, Role.MANAGER, Role.BOX_OFFICE, Role.SCANNER),
}


def roles_at_least(role: Role) -> list[Role]:
    """Return the roles that may do what `role` may."""
    return list(_COVERED_BY[role])


def memberships_of(user: Any) -> QuerySet[Membership]:
    """Return the memberships that give a user anything.

    Where the organisation requires two-factor sign-in, those are hers only once she has it: by
    no way in, be it a session or a token, is there more.
    """
    factors = Authenticator.objects.filter(user_id=user.pk or NOBODY)
    factors = factors.exclude(type=Authenticator.Type.RECOVERY_CODES)
    return Membership.objects.filter(
        Q(organisation__requires_two_factor=False) | Exists(factors), user_id=user.pk or NOBODY
    )


def organisations_of(user: Any, *, role: Role = Role.VIEWER) -> OrganisationQuerySet:
    """Return the organisations in which a user has at least a role.

    A superuser has every role everywhere; who is not logged in has none; an API key has in its
    own organisation the role that the view it came to grants for its scope.
    """
    if not user.is_active or isinstance(user, GuestUser):
        return Organisation.objects.none()
    if isinstance(user, ApiKeyUser):
        if user.organisation_id is None or user.granted_role not in roles_at_least(role):
            return Organisation.objects.none()
        return Organisation.objects.filter(pk=user.organisation_id)
    if user.is_superuser:
        return Organisation.objects.all()
    held = memberships_of(user).filter(role__in=roles_at_least(role))
    return Organisation.objects.filter(pk__in=held.values("organisation_id"))


def roles_in(request: HttpRequest) -> dict[UUID, str]:
    """Return the user's role in each organisation that a page of organisers is about.

    Those she works for, or the one of them that she has chosen. A superuser works for none: he
    chooses one, which the audit log tells, and then has every role there. Read once a request.
    """
    roles: dict[UUID, str] | None = getattr(request, "organisers_roles", None)
    if roles is None:
        roles = _read_roles(request)
        request.organisers_roles = roles  # type: ignore[attr-defined]  # kept on the request itself
    return roles


def managed_in(request: HttpRequest) -> list[UUID]:
    """Return the organisations that the user manages, of those that `roles_in` has."""
    enough = roles_at_least(Role.MANAGER)
    return [pk for pk, role in roles_in(request).items() if role in enough]


def _read_roles(request: HttpRequest) -> dict[UUID, str]:
    user: Any = request.user
    if not user.is_active or user.pk is None:
        return {}
    chosen = as_uuid(request.session.get(CHOSEN))
    if user.is_superuser:
        there = chosen and Organisation.objects.filter(pk=chosen).exists()
        return {chosen: Role.OWNER} if chosen and there else {}
    held = memberships_of(user)
    roles: dict[UUID, str] = dict(held.values_list("organisation_id", "role"))
    return {chosen: roles[chosen]} if chosen in roles else roles


def as_uuid(text: Any) -> UUID | None:
    """Read an id; None for what is none."""
    try:
        return UUID(str(text))
    except ValueError:
        return None
