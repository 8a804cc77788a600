"""Refunds and exchanges over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.authentication import logged_in
from accounts.api.permissions import HasScope
from accounts.models import Role
from sales.api.answers import KEYED_PARAMETERS, SALE_PROBLEMS, answer_keyed, request_key
from sales.api.order_serializers import ExchangeIn, ExchangeOut, RefundIn, RefundOut
from sales.api.returning import RETURN_REFUSALS
from sales.cancelling import OrderNotFound, Refunded, UnknownTicket, refund_order
from sales.exchanges import Exchanged, exchange
from sales.idempotency import Answer
from sales.tickets import TicketNotFound
from worldseat.api.problems import invalid, not_found
from worldseat.api.schema import problems
from worldseat.api.views import APIView

__all__ = ["ExchangeView", "OrganiserExchangeView", "RefundView"]

_TICKET = "5b1f1c8e-0a57-4a41-9a3f-a1f8b3f8f2f1"


class RefundView(APIView):
    """Money back, for the organiser's box office."""

    permission_classes = (HasScope("orders:write", role=Role.BOX_OFFICE),)

    @extend_schema(
        operation_id="refund_order",
        tags=["Organisers"],
        request=RefundIn,
        parameters=KEYED_PARAMETERS,
        responses={
            201: RefundOut,
            **problems(
                "invalid",
                "idempotency-key-missing",
                "not-authenticated",
                "permission-denied",
                "not-found",
                "order-not-paid",
                "ticket-void",
                "refund-too-large",
                "idempotency-key-reused",
            ),
        },
        examples=[
            OpenApiExample("The whole order", {"reason": "Called off"}, request_only=True),
            OpenApiExample(
                "One ticket, its seat to be kept back",
                {"tickets": [_TICKET], "reason": "Broken seat", "release": False},
                request_only=True,
            ),
            OpenApiExample(
                "Some money, and the ticket stays",
                {"amount": 500, "reason": "Obstructed view"},
                request_only=True,
            ),
        ],
    )
    def post(self, request: Request, order_id: UUID) -> Response:
        """Give back tickets of an order, an amount, or all of it."""
        asked = request_key(request)
        given = RefundIn(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        try:
            return answer_keyed(
                request,
                asked,
                lambda keyed, now: refund_order(
                    order_id=order_id,
                    user=logged_in(request),
                    now=now,
                    keyed=keyed,
                    ticket_ids=wanted.get("tickets"),
                    amount_minor=wanted.get("amount"),
                    reason=wanted["reason"],
                    release=wanted.get("release", True),
                ),
                _refunded,
                RETURN_REFUSALS,
            )
        except OrderNotFound:
            raise not_found() from None
        except UnknownTicket:
            raise invalid({"tickets": ["The order has no such ticket."]}) from None


def _refunded(done: Refunded) -> Answer:
    amount = {"amount": done.amount_minor, "currency": done.order.currency}
    return Answer(201, RefundOut({"amount": amount, "order": done.order}).data)


_EXCHANGE: dict[str, Any] = {
    "request": ExchangeIn,
    "parameters": KEYED_PARAMETERS,
    "examples": [
        OpenApiExample(
            "Another seat", {"seat": "0b8f7f0e-31b4-4bb1-8a4b-6b8c1b9f2a10"}, request_only=True
        )
    ],
}


class ExchangeView(APIView):
    """Another seat for a ticket of one's own."""

    permission_classes = (IsAuthenticated,)
    at_box_office = False

    @extend_schema(
        operation_id="exchange_ticket",
        tags=["Fans"],
        responses={
            201: ExchangeOut,
            **problems(
                *SALE_PROBLEMS,
                "ticket-void",
                "already-admitted",
                "order-not-paid",
                "too-late",
                "too-dear",
            ),
        },
        **_EXCHANGE,
    )
    def post(self, request: Request, ticket_id: UUID) -> Response:
        """Exchange a ticket for a free seat that costs no more; the difference goes back.

        The old ticket is void, and its seat is on sale again.
        """
        return self.exchange(request, ticket_id)

    def exchange(self, request: Request, ticket_id: UUID) -> Response:
        """Exchange the ticket, once for the request's key."""
        asked = request_key(request)
        given = ExchangeIn(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        try:
            return answer_keyed(
                request,
                asked,
                lambda keyed, now: exchange(
                    ticket_id=ticket_id,
                    seat_id=wanted["seat"],
                    user=logged_in(request),
                    now=now,
                    keyed=keyed,
                    price_type_id=wanted.get("price_type"),
                    at_box_office=self.at_box_office,
                ),
                _exchanged,
                RETURN_REFUSALS,
            )
        except TicketNotFound:
            raise not_found() from None


class OrganiserExchangeView(ExchangeView):
    """Another seat for a fan's ticket, at the box office."""

    permission_classes = (HasScope("orders:write", role=Role.BOX_OFFICE),)
    at_box_office = True

    @extend_schema(
        operation_id="exchange_ticket_at_box_office",
        tags=["Organisers"],
        responses={
            201: ExchangeOut,
            **problems(
                "invalid",
                "idempotency-key-missing",
                "not-authenticated",
                "permission-denied",
                "limit-reached",
                "not-found",
                "seat-taken",
                "ticket-void",
                "already-admitted",
                "order-not-paid",
                "idempotency-key-reused",
            ),
        },
        **_EXCHANGE,
    )
    def post(self, request: Request, ticket_id: UUID) -> Response:
        """Exchange a fan's ticket for any free seat; what it costs more is paid at the counter."""
        return self.exchange(request, ticket_id)


def _exchanged(done: Exchanged) -> Answer:
    ticket = done.ticket
    paid = {"amount": done.paid_minor, "currency": ticket.currency}
    body = {"order": ticket.order_id, "ticket": ticket, "paid": paid}
    return Answer(201, ExchangeOut(body).data)
