"""API tokens: what a program shows instead of a password."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from knox.crypto import hash_token
from knox.models import get_digest_token, get_token_model
from knox.settings import CONSTANTS

from accounts.models import User
from worldseat.dsql.occ import occ_retry

__all__ = [
    "SIMULATED",
    "IssuedToken",
    "issue_token",
    "issue_tokens",
    "revoke_all_tokens",
    "revoke_token",
    "revoke_tokens",
]

_AuthToken = get_token_model()

# DSQL takes 3,000 changed rows in a transaction.
_BATCH_ROWS = 1000

SIMULATED = "sim-"
_SIMULATED_TTL = timedelta(minutes=30)


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


@occ_retry(repeatable=True)
def revoke_all_tokens(*, user_id: UUID) -> None:
    """Make all tokens of a user useless, as a new password does."""
    _AuthToken.objects.filter(user_id=user_id).delete()


def issue_tokens(*, user_ids: Sequence[UUID], now: datetime) -> dict[UUID, str]:
    """Make a token for each of many simulated buyers; return them by user.

    Nobody else's token begins with SIMULATED, and simulated buyers may use no other: they have
    no password either. The tokens live for half an hour.
    """
    tokens = {user_id: get_digest_token(SIMULATED) for user_id in user_ids}
    expires_at = now + _SIMULATED_TTL
    rows = [
        _AuthToken(
            digest=digest,
            token_key=token[: CONSTANTS.TOKEN_KEY_LENGTH],
            user_id=user_id,
            expiry=expires_at,
        )
        for user_id, (digest, token) in tokens.items()
    ]
    for first in range(0, len(rows), _BATCH_ROWS):
        _store_tokens(rows[first : first + _BATCH_ROWS])
    return {user_id: token for user_id, (_, token) in tokens.items()}


@occ_retry(repeatable=True)
def _store_tokens(rows: Sequence[Any]) -> None:
    _AuthToken.objects.bulk_create(rows, ignore_conflicts=True)


def revoke_tokens(*, tokens: Sequence[str]) -> None:
    """Make many tokens useless, which are given as `issue_tokens` returned them."""
    digests = [hash_token(token) for token in tokens]
    for first in range(0, len(digests), _BATCH_ROWS):
        _delete_tokens(digests[first : first + _BATCH_ROWS])


@occ_retry(repeatable=True)
def _delete_tokens(digests: Sequence[str]) -> None:
    _AuthToken.objects.filter(pk__in=digests).delete()
