"""The sale of one seat over HTTP, in one request."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.permissions import MayBuy
from sales.api.answers import (
    KEYED_PARAMETERS,
    QUEUE_PASS,
    SALE_PROBLEMS,
    answer_keyed,
    queue_pass_of,
    request_key,
)
from sales.api.serializers import OrderOut, PurchaseIn
from sales.idempotency import Answer
from sales.models import Order
from sales.purchases import purchase
from worldseat.api.schema import problems
from worldseat.api.views import APIView

__all__ = ["PurchaseView"]


class PurchaseView(APIView):
    """Buy one seat with one request. Plain ones `sales.api.lean` answers, before they come here."""

    permission_classes = (MayBuy,)

    @extend_schema(
        operation_id="purchase",
        tags=["Fans"],
        request=PurchaseIn,
        parameters=[*KEYED_PARAMETERS, QUEUE_PASS],
        responses={201: OrderOut, **problems(*SALE_PROBLEMS)},
        examples=[
            OpenApiExample(
                "One seat", {"seat": "0b8f7f0e-31b4-4bb1-8a4b-6b8c1b9f2a10"}, request_only=True
            )
        ],
    )
    def post(self, request: Request, event_id: UUID) -> Response:
        """Sell one seat, paid at once: 201 and the order, or nothing has changed."""
        asked = request_key(request)
        given = PurchaseIn(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        return answer_keyed(
            request,
            asked,
            lambda keyed, now: purchase(
                event_id=event_id,
                seat_id=wanted["seat"],
                price_type_id=wanted.get("price_type"),
                code=wanted.get("code", ""),
                queue_pass=queue_pass_of(request),
                fan_id=asked.fan_id,
                region=settings.REGION,
                now=now,
                keyed=keyed,
            ),
            _sold,
        )


def _sold(order: Order) -> Answer:
    return Answer(status=201, body=OrderOut(order).data)
