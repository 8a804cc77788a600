"""Who may do what, in which organisation."""

from __future__ import annotations

from typing import Any

from accounts.models import Membership, Organisation, OrganisationQuerySet, Role

__all__ = ["RANK", "organisations_of", "roles_at_least"]

# The roles from the most to the least powerful.
RANK = (Role.OWNER, Role.MANAGER, Role.BOX_OFFICE, Role.VIEWER)


def roles_at_least(role: Role) -> list[Role]:
    """Return the roles that may do what `role` may."""
    return list(RANK[: RANK.index(role) + 1])


def organisations_of(user: Any, *, role: Role = Role.VIEWER) -> OrganisationQuerySet:
    """Return the organisations in which a user has at least a role.

    A superuser has every role everywhere; who is not logged in has none.
    """
    if not user.is_active:
        return Organisation.objects.none()
    if user.is_superuser:
        return Organisation.objects.all()
    held = Membership.objects.filter(user_id=user.pk, role__in=roles_at_least(role))
    return Organisation.objects.filter(pk__in=held.values("organisation_id"))
