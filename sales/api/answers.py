"""A request that sells, once for each Idempotency-Key: its answer, its refusals, its repeats."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.authentication import logged_in
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
from worldseat.api.idempotency import REPLAYED, idempotency_key
from worldseat.api.money import utc
from worldseat.api.problems import MEDIA_TYPE, Problem, not_found
from worldseat.api.schema import IDEMPOTENCY_KEY, REPLAYED_HEADER

__all__ = [
    "KEYED_PARAMETERS",
    "KEY_REUSED",
    "SALE_PROBLEMS",
    "answer_keyed",
    "request_key",
    "respond",
]

T = TypeVar("T")

KEYED_PARAMETERS = [
    IDEMPOTENCY_KEY,
    REPLAYED_HEADER,
]

# What every request that sells may answer, for `problems()`.
SALE_PROBLEMS = (
    "invalid",
    "idempotency-key-missing",
    "not-authenticated",
    "permission-denied",
    "limit-reached",
    "code-required",
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
    return RequestKey(fan_id=logged_in(request).pk, key=key, fingerprint=digest)


def answer_keyed(
    request: Request,
    asked: RequestKey,
    work: Callable[[Keyed[T], datetime], T | Answer],
    render: Callable[[T], Answer],
) -> Response:
    """Do what a request asks for, once for its key, and answer it.

    `work` is one domain call; `render` makes the answer from what it returns, within its
    transaction. Refusals are stored too, so that a repeat is told the same.
    """
    now = timezone.now()
    try:
        done = work(Keyed(asked, render=render), now)
    except UnknownSeat:
        raise not_found("The event has no such seat. Nothing was changed.") from None
    except KeyReused:
        raise KEY_REUSED from None
    except REFUSALS as refusal:
        return _refuse(asked, problem_of(refusal).body(request.path), now)
    if isinstance(done, Answer):
        return respond(done, replayed=True)
    return respond(render(done))


REFUSALS = (SeatTaken, NoSeatsLeft, NotOnSale, LimitReached, CodeRequired, CodeExhausted)


def problem_of(refusal: Exception) -> Problem:
    """Say what a refused sale means to a client."""
    detail = f"{refusal} Nothing was changed."
    if isinstance(refusal, SeatTaken):
        return Problem(409, "seat-taken", detail, seats=[str(seat.pk) for seat in refusal.seats])
    if isinstance(refusal, NoSeatsLeft):
        return Problem(409, "no-seats-left", detail)
    if isinstance(refusal, NotOnSale):
        return Problem(409, "not-on-sale", detail, on_sale_at=utc(refusal.on_sale_at))
    if isinstance(refusal, LimitReached):
        return Problem(403, "limit-reached", detail, limit=refusal.limit)
    return Problem(403, "code-required", detail)


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
