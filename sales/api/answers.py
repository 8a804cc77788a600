"""A request that sells, once for each Idempotency-Key: its answer, its refusals, its repeats."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeVar

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.authentication import logged_in
from accounts.models import GuestUser
from sales.best_available.holding import NoSeatsLeft
from sales.codes import CodeExhausted, CodeRequired
from sales.events import NotOnSale
from sales.idempotency import (
    Answer,
    Keyed,
    KeyReused,
    RequestKey,
    fingerprint,
    store_refusal,
)
from sales.limits import LimitReached
from sales.seats import SeatTaken, UnknownSeat
from sales.waiting_room.tokens import QueuePassRequired
from worldseat.api.idempotency import REPLAYED, idempotency_key
from worldseat.api.money import utc
from worldseat.api.problems import MEDIA_TYPE, Problem, not_found
from worldseat.api.schema import IDEMPOTENCY_KEY, REPLAYED_HEADER

__all__ = [
    "KEYED_PARAMETERS",
    "KEY_REUSED",
    "QUEUE_PASS",
    "SALE_PROBLEMS",
    "Refusals",
    "answer_keyed",
    "queue_pass_of",
    "request_key",
    "respond",
]

T = TypeVar("T")

KEYED_PARAMETERS = [
    IDEMPOTENCY_KEY,
    REPLAYED_HEADER,
]

QUEUE_PASS = OpenApiParameter(
    "Queue-Pass",
    str,
    OpenApiParameter.HEADER,
    description="The fan's pass from the waiting room; needed while the event has one "
    "(`403 queue-pass-required`).",
)

# What every request that sells may answer, for `problems()`.
SALE_PROBLEMS = (
    "invalid",
    "idempotency-key-missing",
    "not-authenticated",
    "permission-denied",
    "limit-reached",
    "code-required",
    "queue-pass-required",
    "not-found",
    "seat-taken",
    "not-on-sale",
    "idempotency-key-reused",
)

KEY_REUSED = Problem(
    422,
    "idempotency-key-reused",
    "This Idempotency-Key was used for another request within the last 24 hours. Nothing was "
    "done now. Use a new key for each request.",
)


def request_key(request: Request) -> RequestKey:
    """Return what a request is known by; raises Problem (400) without an Idempotency-Key."""
    key = idempotency_key(request)
    digest = fingerprint(method=request.method or "", path=request.path, body=request.data)
    user = logged_in(request)
    if isinstance(user, GuestUser):
        # Of the address's own keys, and their answers, a guest knows nothing.
        key = f"guest:{hashlib.sha256(f'{user.session}:{key}'.encode()).hexdigest()}"
    return RequestKey(fan_id=user.pk, key=key, fingerprint=digest)


def queue_pass_of(request: Request) -> str:
    """Return the pass from the waiting room that a request brings, or nothing."""
    return request.headers.get("Queue-Pass", "")


def answer_keyed(
    request: Request,
    asked: RequestKey,
    work: Callable[[Keyed[T], datetime], T | Answer],
    render: Callable[[T], Answer],
    refusals: Refusals = MappingProxyType({}),
) -> Response:
    """Do what a request asks for, once for its key, and answer it.

    `work` is one domain call; `render` makes the answer from what it returns, within its
    transaction. Refusals, those of every sale and `refusals`, are stored too, so that a repeat
    is told the same; a Problem that `work` raises is not.
    """
    now = timezone.now()
    stored = {**SALE_REFUSALS, **refusals}
    try:
        done = work(Keyed(asked, render=render), now)
    except UnknownSeat:
        raise not_found("The event has no such seat. Nothing was changed.") from None
    except KeyReused:
        raise KEY_REUSED from None
    except QueuePassRequired as refusal:
        # Not stored: with a pass, the same request may be sent again under its key.
        raise Problem(403, "queue-pass-required", _nothing_changed(refusal)) from None
    except tuple(stored) as refusal:
        return _refuse(asked, stored[type(refusal)](refusal).body(request.path), now)
    if isinstance(done, Answer):
        return respond(done, replayed=True)
    return respond(render(done))


def _seat_taken(refusal: SeatTaken) -> Problem:
    seats = [str(seat.pk) for seat in refusal.seats]
    return Problem(409, "seat-taken", _nothing_changed(refusal), seats=seats)


def _no_seats_left(refusal: NoSeatsLeft) -> Problem:
    return Problem(409, "no-seats-left", _nothing_changed(refusal))


def _not_on_sale(refusal: NotOnSale) -> Problem:
    at = utc(refusal.on_sale_at)
    return Problem(409, "not-on-sale", _nothing_changed(refusal), on_sale_at=at)


def _limit_reached(refusal: LimitReached) -> Problem:
    return Problem(403, "limit-reached", _nothing_changed(refusal), limit=refusal.limit)


def _code_required(refusal: Exception) -> Problem:
    return Problem(403, "code-required", _nothing_changed(refusal))


def _nothing_changed(refusal: Exception) -> str:
    return f"{refusal} Nothing was changed."


# A refusal, and what it means to a client.
Refusals = Mapping[type[Exception], Callable[[Any], Problem]]

SALE_REFUSALS: Refusals = {
    SeatTaken: _seat_taken,
    NoSeatsLeft: _no_seats_left,
    NotOnSale: _not_on_sale,
    LimitReached: _limit_reached,
    CodeRequired: _code_required,
    CodeExhausted: _code_required,
}


def _refuse(asked: RequestKey, body: dict[str, Any], now: datetime) -> Response:
    """Answer a refusal, the same each time the request is repeated."""
    refusal = Answer(status=body["status"], body=body)
    try:
        answer = store_refusal(request=asked, answer=refusal, now=now)
    except KeyReused:
        raise KEY_REUSED from None
    return respond(answer, replayed=answer is not refusal)


def respond(answer: Answer, *, replayed: bool = False) -> Response:
    """Send an answer; a repeated one says so."""
    return Response(
        answer.body,
        status=answer.status,
        headers={REPLAYED: "true"} if replayed else None,
        content_type=MEDIA_TYPE if answer.status >= 400 else None,
    )
