"""The sale over HTTP, once for each Idempotency-Key."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authentication import logged_in
from sales.api.serializers import OrderOut, PurchaseIn
from sales.events import NotOnSale
from sales.idempotency import (
    Answer,
    Keyed,
    KeyReused,
    RequestKey,
    fingerprint,
    store_refusal,
)
from sales.models import Order
from sales.purchases import LimitReached, SeatTaken, UnknownSeat, purchase
from worldseat.api.idempotency import REPLAYED, idempotency_key
from worldseat.api.money import utc
from worldseat.api.problems import MEDIA_TYPE, Problem, not_found
from worldseat.api.schema import IDEMPOTENCY_KEY, problems

__all__ = ["PurchaseView"]


class PurchaseView(APIView):
    """Buy one seat with one request."""

    @extend_schema(
        operation_id="purchase",
        tags=["Fans"],
        request=PurchaseIn,
        parameters=[
            IDEMPOTENCY_KEY,
            OpenApiParameter(
                REPLAYED,
                {"type": "string", "enum": ["true"]},
                OpenApiParameter.HEADER,
                response=True,
                description="The answer is the first one's to this key.",
            ),
        ],
        responses={
            201: OrderOut,
            **problems(
                "invalid",
                "idempotency-key-missing",
                "not-authenticated",
                "permission-denied",
                "limit-reached",
                "not-found",
                "seat-taken",
                "not-on-sale",
                "idempotency-key-reused",
            ),
        },
        examples=[
            OpenApiExample(
                "One seat", {"seat": "0b8f7f0e-31b4-4bb1-8a4b-6b8c1b9f2a10"}, request_only=True
            )
        ],
    )
    def post(self, request: Request, event_id: UUID) -> Response:
        """Sell one seat, paid at once: 201 and the order, or nothing has changed."""
        key = idempotency_key(request)
        given = PurchaseIn(data=request.data)
        given.is_valid(raise_exception=True)
        fan_id, now = logged_in(request).pk, timezone.now()
        digest = fingerprint(method="POST", path=request.path, body=request.data)
        asked = RequestKey(fan_id=fan_id, key=key, fingerprint=digest)
        try:
            sold = purchase(
                event_id=event_id,
                seat_id=given.validated_data["seat"],
                fan_id=fan_id,
                region=settings.REGION,
                now=now,
                keyed=Keyed(asked, render=_sold),
            )
        except UnknownSeat:
            raise not_found("The event has no such seat. Nothing was sold.") from None
        except KeyReused:
            raise _KEY_REUSED from None
        except (SeatTaken, NotOnSale, LimitReached) as refusal:
            return _refuse(asked, _problem_of(refusal).body(request.path), now)
        if isinstance(sold, Answer):
            return _respond(sold, replayed=True)
        return _respond(_sold(sold))


_KEY_REUSED = Problem(
    422,
    "idempotency-key-reused",
    "This Idempotency-Key was used for another request within the last 24 hours. Nothing was "
    "sold now. Use a new key for each purchase.",
)


def _sold(order: Order) -> Answer:
    return Answer(status=201, body=OrderOut(order).data)


def _problem_of(refusal: SeatTaken | NotOnSale | LimitReached) -> Problem:
    detail = f"{refusal} Nothing was sold."
    if isinstance(refusal, SeatTaken):
        return Problem(409, "seat-taken", detail, seats=[str(refusal.seat.pk)])
    if isinstance(refusal, NotOnSale):
        return Problem(409, "not-on-sale", detail, on_sale_at=utc(refusal.on_sale_at))
    return Problem(403, "limit-reached", detail, limit=refusal.limit)


def _refuse(asked: RequestKey, body: dict[str, Any], now: datetime) -> Response:
    """Answer a refusal, the same each time the request is repeated."""
    refusal = Answer(status=body["status"], body=body)
    try:
        answer = store_refusal(request=asked, answer=refusal, now=now)
    except KeyReused:
        raise _KEY_REUSED from None
    return _respond(answer, replayed=answer is not refusal)


def _respond(answer: Answer, *, replayed: bool = False) -> Response:
    return Response(
        answer.body,
        status=answer.status,
        headers={REPLAYED: "true"} if replayed else None,
        content_type=MEDIA_TYPE if answer.status >= 400 else None,
    )
