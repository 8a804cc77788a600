"""API keys: made by an organisation for its programs, shown once, revoked when they leak."""

from __future__ import annotations

import hashlib
import logging
import secrets
import string
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import Error

from accounts.audit import record
from accounts.models import ApiKey, ApiKeyUser, Scope, User
from worldseat.dsql.occ import occ_retry

__all__ = [
    "PREFIX",
    "BadApiKey",
    "UnknownScope",
    "add_key",
    "authenticate",
    "create_key",
    "revoke_key",
    "withdraw_key",
]

# Tells a key from a user's token before anything is looked up, and tells who finds one in a log
# or a repository what it is.
PREFIX = "ws_live_"

_ALPHABET = string.ascii_letters + string.digits
_LENGTH = 40  # 238 bits
_SHOWN = len(PREFIX) + 6
_USED_EVERY = timedelta(minutes=1)

_log = logging.getLogger(__name__)


class BadApiKey(Exception):
    """The API key is unknown, was revoked or has expired."""


class UnknownScope(ValueError):
    """There is no such scope."""


@occ_retry(repeatable=True)
def create_key(
    *,
    organisation_id: UUID,
    name: str,
    scopes: Iterable[str],
    created_by: User | None,
    now: datetime,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Make a key and return it with its secret, which can be read this once.

    Repeated after a lost COMMIT, it may leave a key that nobody knows. Raises UnknownScope.
    """
    key = ApiKey(
        organisation_id=organisation_id,
        name=name,
        scopes=list(scopes),
        created_by=created_by,
        expires_at=expires_at,
    )
    return key, add_key(key, actor=created_by, now=now)


def add_key(key: ApiKey, *, actor: Any, now: datetime) -> str:
    """Give a new key its secret and store it, in the caller's transaction; return the secret.

    Raises UnknownScope.
    """
    key.scopes = sorted(set(key.scopes))
    if unknown := set(key.scopes) - set(Scope.values):
        raise UnknownScope(f"There is no scope {', '.join(sorted(unknown))}.")
    secret = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    # Nobody receives mail at .invalid (RFC 2606), so nobody can have a password sent there.
    user = ApiKeyUser(email=f"{key.pk}@api-keys.invalid", name=f"API key: {key.name}")
    user.set_unusable_password()
    user.save(force_insert=True)
    key.user, key.created_at = user, now
    key.prefix, key.digest = secret[:_SHOWN], _digest(secret)
    key.save(force_insert=True)
    record(
        organisation_id=key.organisation_id,
        actor=actor,
        action="api-key.created",
        subject=key,
        changes={"scopes": [None, key.scopes], "expires_at": [None, key.expires_at]},
        now=now,
    )
    return secret


@occ_retry(repeatable=True)
def revoke_key(*, key_id: UUID, actor: Any, now: datetime) -> bool:
    """Make a key useless from the next request on.

    Returns whether it was of use before; a key revoked twice keeps its first time.
    """
    return withdraw_key(ApiKey.objects.get(pk=key_id), actor=actor, now=now)


def withdraw_key(key: ApiKey, *, actor: Any, now: datetime) -> bool:
    """Do what `revoke_key` does, in the caller's transaction."""
    unrevoked = ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True)
    if not unrevoked.update(revoked_at=now):
        return False
    record(
        organisation_id=key.organisation_id,
        actor=actor,
        action="api-key.revoked",
        subject=key,
        changes={"revoked_at": [None, now]},
        now=now,
    )
    return True


def authenticate(*, secret: str, now: datetime) -> ApiKey:
    """Return the key whose secret this is, its user and organisation with it: one query.

    Notes when it was last used. Raises BadApiKey.
    """
    found = ApiKey.objects.select_related("user", "organisation")
    key = found.filter(digest=_digest(secret)).first()
    expired = key is not None and key.expires_at is not None and key.expires_at <= now
    if key is None or expired or key.revoked_at is not None or not key.user.is_active:
        raise BadApiKey
    key.user.organisation_id = key.organisation_id
    _note_use(key, now)
    return key


def _note_use(key: ApiKey, now: datetime) -> None:
    """Write when the key was used, at most once a minute: a row each request wrote would be hot.

    Best effort: no request fails for it.
    """
    if key.last_used_at is not None and now - key.last_used_at < _USED_EVERY:
        return
    try:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
    except Error:
        _log.warning("The use of API key %s was not noted.", key.prefix, exc_info=True)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
