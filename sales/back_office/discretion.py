"""What a viewer learns of fans: initials and where their mail goes, to tell them apart.

Who works with fans (the box office and above) sees names and addresses, and so does an API key
with the scope `orders:read`, which says as much. A viewer counts, compares and reports.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from accounts.models import ApiKeyUser, Role, User
from accounts.tenancy import organisations_of

__all__ = ["discreet", "knows_fans_in", "masked"]


def knows_fans_in(user: Any) -> set[UUID]:
    """Return the organisations in which a user sees who the fans are."""
    role = Role.VIEWER if isinstance(user, ApiKeyUser) else Role.BOX_OFFICE
    return set(organisations_of(user, role=role).values_list("pk", flat=True))


def masked(fan: User) -> User:
    """Return a fan as a viewer may see her, not to be saved: `A. L.`, `a…@example.com`."""
    initials = " ".join(f"{word[0]}." for word in fan.name.split())
    local, at, domain = fan.email.partition("@")
    email = fan.email if not fan.mailbox else f"{local[:1]}…{at}{domain}"
    return User(pk=fan.pk, name=initials, email=email)


def discreet(fan: User, *, knows: bool) -> User:
    """Return a fan as she is for who knows her, else masked."""
    return fan if knows else masked(fan)
