"""Guests: fans who buy with an e-mail address alone, and may claim the order by a link.

The address has one user row, whoever buys with it: so a limit a fan counts by address, and a guest
cannot get round it. Naming an address proves nothing. A guest therefore gets a token that buys and
does no more, also where the address has an account, and is not told whether it has one; what was
bought is sent to the address. Who reads its mail can see the order and, with a password, keep it.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from django.contrib.auth.hashers import make_password
from django.core import signing
from django.urls import reverse

from accounts.emails import mark_confirmed
from accounts.models import GuestUser, User
from accounts.models.users import normalise_email
from accounts.tokens import IssuedToken
from accounts.two_factor import has_two_factor
from worldseat.dsql.occ import occ_retry

__all__ = [
    "PREFIX",
    "BadGuestToken",
    "LinkOver",
    "NotAnAddress",
    "begin",
    "claim",
    "link_to",
    "read_claim",
    "read_token",
]

PREFIX = "ws_guest_"
GOOD_FOR = timedelta(hours=1)
LINK_GOOD_FOR = timedelta(days=90)

_TOKEN_SALT = "accounts.guest"  # noqa: S105 - names the use, and is no secret
_LINK_SALT = "accounts.guest.claim"


class BadGuestToken(Exception):
    """The guest's token is unknown or has expired."""


class NotAnAddress(ValueError):
    """Nobody receives mail at this address."""


class LinkOver(LookupError):
    """The link has expired, or the order belongs to an account now: log in."""


def begin(*, email: str, name: str, now: datetime) -> IssuedToken:
    """Return a token with which somebody may buy for an e-mail address, for an hour.

    `name` goes with an address that is new; what an account is called is its own to say. Raises
    NotAnAddress.
    """
    email = normalise_email(email)
    if email.endswith(".invalid"):  # RFC 2606: simulated buyers and API keys live there
        raise NotAnAddress
    password = make_password(None)
    user_id = _find_or_add(email=email, name=name, password=password, new_id=uuid4())
    expires_at = now + GOOD_FOR
    payload = {
        "user": user_id.hex,
        "session": secrets.token_urlsafe(9),
        "until": int(expires_at.timestamp()),
    }
    return IssuedToken(PREFIX + signing.dumps(payload, salt=_TOKEN_SALT), expires_at)


@occ_retry(repeatable=True)
def _find_or_add(*, email: str, name: str, password: str, new_id: UUID) -> UUID:
    """Return the id of the address's user, made if need be."""
    known: UUID | None = User.objects.filter(email=email).values_list("pk", flat=True).first()
    if known is not None:
        return known
    # Of two at one instant, the second meets a row its snapshot does not show: it looks again.
    made = User(id=new_id, email=email, name=name, password=password)
    User.objects.bulk_create([made], ignore_conflicts=True)
    return new_id


def read_token(*, token: str, now: datetime) -> GuestUser:
    """Return who buys with a token: one query. Raises BadGuestToken."""
    try:
        payload: dict[str, Any] = signing.loads(token.removeprefix(PREFIX), salt=_TOKEN_SALT)
    except signing.BadSignature:
        raise BadGuestToken from None
    found = GuestUser._default_manager.filter(pk=payload["user"], is_active=True)
    user: Any = found.filter(is_simulated=False).first()
    if user is None or payload["until"] <= now.timestamp():
        raise BadGuestToken
    guest: GuestUser = user
    guest.session = payload["session"]
    return guest


def link_to(user: User, path: str) -> str:
    """Return the path for a mail to a fan: for a guest, one that shows what she bought.

    An account's owner logs in instead.
    """
    if user.has_usable_password():
        return path
    token = signing.dumps(user.pk.hex, salt=_LINK_SALT)
    return f"{reverse('accounts:claim', args=[token])}?{urlencode({'next': path})}"


def read_claim(*, token: str) -> User:
    """Return the guest whom a link was sent to. Raises LinkOver."""
    try:
        user_id: str = signing.loads(token, salt=_LINK_SALT, max_age=LINK_GOOD_FOR)
    except signing.BadSignature:
        raise LinkOver from None
    user = User.objects.filter(pk=user_id, is_active=True).first()
    # With a password (or more) it is an account, which a link in a mailbox does not open.
    if user is None or user.has_usable_password() or user.is_staff or user.is_superuser:
        raise LinkOver
    if user.memberships.exists() or has_two_factor(user):
        raise LinkOver
    return user


@occ_retry(repeatable=True)
def claim(*, token: str) -> User:
    """Note that a guest reads the mail of her address, and return her. Raises LinkOver."""
    user = read_claim(token=token)
    mark_confirmed(user)
    return user
