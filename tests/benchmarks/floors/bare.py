"""The naive sale alone as Django views: SQL by hand, the ORM, and REST framework over the ORM."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.scopes import everywhere
from sales.models import Order, OrderState, Seat, SeatStatus, Ticket, TicketState
from tests.benchmarks.floors import sql


def by_hand(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Sell a seat with four statements."""
    asked = json.loads(request.body)
    order, fan = uuid4(), asked["fan"]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.SELECT, [asked["seat"], event_id])
        status, _, price, currency = cursor.fetchone()
        if status != "available":
            return JsonResponse({"taken": asked["seat"]}, status=409)
        cursor.execute(sql.UPDATE, [asked["seat"]])
        cursor.execute(sql.ORDER, [order, order.hex[:12], event_id, fan, price, currency])
        values = [uuid4(), order, event_id, asked["seat"], fan, price, currency]
        cursor.execute(sql.TICKET, values)
    return JsonResponse({"id": str(order), "total": price}, status=201)


@everywhere()
def _sell(event_id: UUID, asked: Any) -> Order | None:
    with transaction.atomic():
        seats = Seat.objects.select_related("event", "category")
        seat = seats.get(pk=asked["seat"], event_id=event_id)
        if seat.status != SeatStatus.AVAILABLE:
            return None
        seat.status, seat.changed_at = SeatStatus.SOLD, timezone.now()
        seat.save(update_fields=["status", "changed_at"])
        order = Order.objects.create(
            event=seat.event,
            fan_id=asked["fan"],
            state=OrderState.PAID,
            total_minor=seat.category.price_minor,
            currency=seat.event.currency,
            region="us-east-1",
            created_at=timezone.now(),
        )
        Ticket.objects.create(
            order=order,
            event=seat.event,
            seat=seat,
            fan_id=asked["fan"],
            state=TicketState.VALID,
            price_minor=order.total_minor,
            currency=order.currency,
            created_at=order.created_at,
        )
    return order


def with_orm(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Sell a seat with the ORM."""
    order = _sell(event_id, json.loads(request.body))
    if order is None:
        return JsonResponse({"taken": True}, status=409)
    return JsonResponse({"id": str(order.pk), "total": order.total_minor}, status=201)


class WithRestFramework(APIView):
    """Sell a seat with REST framework over the ORM."""

    authentication_classes = ()
    permission_classes = ()

    def post(self, request: Request, event_id: UUID) -> Response:
        """Sell."""
        order = _sell(event_id, request.data)
        if order is None:
            return Response({"taken": True}, status=409)
        return Response({"id": str(order.pk), "total": order.total_minor}, status=201)


urlpatterns = [
    path("healthz", lambda request: HttpResponse("ok")),
    path("hand/<uuid:event_id>/", csrf_exempt(by_hand)),
    path("orm/<uuid:event_id>/", csrf_exempt(with_orm)),
    path("drf/<uuid:event_id>/", WithRestFramework.as_view()),
]
