"""A request that is repeated with its key has the effect of one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID

from sales.models import StoredAnswer
from worldseat.dsql.occ import occ_retry

__all__ = [
    "KEPT_FOR",
    "Answer",
    "KeyReused",
    "Keyed",
    "RequestKey",
    "begin_request",
    "fingerprint",
    "recall",
    "store_answer",
    "store_refusal",
    "stored_answer",
]

T = TypeVar("T")

# How long a key answers with its first answer (api.md).
KEPT_FOR = timedelta(hours=24)


class KeyReused(Exception):
    """The idempotency key was used before, for another request."""


@dataclass(frozen=True)
class Answer:
    """What a client was answered: an HTTP status and a JSON body."""

    status: int
    body: Any


@dataclass(frozen=True)
class RequestKey:
    """A client's Idempotency-Key, and which request it stands for.

    `fingerprint` comes from `fingerprint()`; the key is the fan's own, another's never meets it.
    """

    fan_id: UUID
    key: str
    fingerprint: str


@dataclass(frozen=True)
class Keyed(Generic[T]):
    """A request under a key, and how its result will be answered.

    `render` turns the result into the answer to keep; it runs inside the transaction, as
    often as that does, and must do nothing but build the answer.
    """

    request: RequestKey
    render: Callable[[T], Answer]


def fingerprint(*, method: str, path: str, body: Any) -> str:
    """Return the SHA-256 that tells one request from another under the same key."""
    text = json.dumps([method, path, body], sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def stored_answer(request: RequestKey, *, now: datetime) -> Answer | None:
    """Return the first answer given under a key, or None if there is none (any more).

    Raises KeyReused when the key stands for another request.
    """
    answer, _ = recall(request, now=now)
    return answer


def recall(request: RequestKey, *, now: datetime) -> tuple[Answer | None, UUID | None]:
    """Return the first answer given under a key, and the subject of a request that was begun.

    A subject without an answer: the request was begun, and its repeat goes on from there.
    Raises KeyReused when the key stands for another request.
    """
    stored = StoredAnswer.objects.filter(
        fan_id=request.fan_id, key=request.key, created_at__gt=now - KEPT_FOR
    ).first()
    if stored is None:
        return None, None
    if stored.fingerprint != request.fingerprint:
        raise KeyReused
    answer = None if stored.status is None else Answer(status=stored.status, body=stored.body)
    return answer, stored.subject


def begin_request(request: RequestKey, *, subject: UUID, now: datetime) -> None:
    """Keep what a request works on, in the transaction that begins it; its answer comes later."""
    _write(request, subject=subject, status=None, body=None, now=now)


def store_answer(
    request: RequestKey, answer: Answer, *, now: datetime, subject: UUID | None = None
) -> None:
    """Keep an answer, in the transaction of what it reports; one past its time gives way."""
    _write(request, subject=subject, status=answer.status, body=answer.body, now=now)


def _write(
    request: RequestKey, *, subject: UUID | None, status: int | None, body: Any, now: datetime
) -> None:
    StoredAnswer.objects.bulk_create(
        [
            StoredAnswer(
                fan_id=request.fan_id,
                key=request.key,
                fingerprint=request.fingerprint,
                subject=subject,
                status=status,
                body=body,
                created_at=now,
            )
        ],
        update_conflicts=True,
        unique_fields=["fan", "key"],
        update_fields=["fingerprint", "subject", "status", "body", "created_at"],
    )


@occ_retry(repeatable=True)
def store_refusal(*, request: RequestKey, answer: Answer, now: datetime) -> Answer:
    """Keep a refusal, and return the answer that counts: an earlier one, if there is one.

    A refused sale writes nothing, so its answer has a transaction of its own.
    Raises KeyReused when the key stands for another request.
    """
    earlier = stored_answer(request, now=now)
    if earlier is not None:
        return earlier
    store_answer(request, answer, now=now)
    return answer
