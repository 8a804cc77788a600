"""API tokens: what a program shows instead of a password."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from knox.models import get_token_model

from accounts.models import User
from worldseat.dsql.occ import occ_retry

__all__ = ["IssuedToken", "issue_token", "revoke_token"]

_AuthToken = get_token_model()


@dataclass(frozen=True)
class IssuedToken:
    """A new token. Only its hash is stored, so this is the one time it can be read."""

    token: str
    expires_at: datetime


@occ_retry(repeatable=True)
def issue_token(*, user_id: UUID, now: datetime) -> IssuedToken:
    """Make a token for a user, and forget those of hers that have expired.

    It lives REST_KNOX["TOKEN_TTL"]. Repeated after a lost COMMIT, it may leave a token that
    nobody knows, and that expires.
    """
    _AuthToken.objects.filter(user_id=user_id, expiry__lte=now).delete()
    stored, token = _AuthToken.objects.create(user=User(pk=user_id))
    return IssuedToken(token=token, expires_at=stored.expiry)


@occ_retry(repeatable=True)
def revoke_token(*, digest: str) -> None:
    """Make a token useless; one that is useless already stays so. `digest` is its key."""
    _AuthToken.objects.filter(pk=digest).delete()
