"""Orders over HTTP: a hold is paid, one's own orders are listed and cancelled."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.authentication import logged_in
from accounts.api.permissions import MayOrder
from sales.api.answers import KEYED_PARAMETERS, answer_keyed, request_key
from sales.api.holds import hold_expired
from sales.api.order_serializers import OrderIn
from sales.api.returning import RETURN_REFUSALS, nothing_changed
from sales.api.serializers import OrderOut
from sales.cancelling import OrderNotFound, OrderNotPaid, TooLate, cancel_order
from sales.holds import HoldExpired, HoldNotFound
from sales.idempotency import Answer, Keyed
from sales.models import EventState, Order, OrderQuerySet, OrderState, PaymentState
from sales.orders import HoldBeingPaid, PaymentUnsettled, ProviderNotAllowed, pay_for_hold
from sales.payments import UnknownProvider
from sales.settlement import Settled
from sales.tickets import TicketUsed
from worldseat.api.money import utc
from worldseat.api.problems import Problem, invalid, not_found
from worldseat.api.schema import problems
from worldseat.api.views import APIView, ListAPIView

__all__ = ["CancelOrderView", "OrderListView", "OrderView"]

_RETRY_AFTER = {"Retry-After": "2"}


class OrderListView(ListAPIView[Order]):
    """One's own orders, and new ones."""

    permission_classes = (MayOrder,)

    serializer_class = OrderOut
    ordering = "-created_at"
    queryset = Order.objects.none()

    @extend_schema(
        operation_id="list_orders",
        tags=["Fans"],
        responses={200: OrderOut(many=True), **problems("invalid", "not-authenticated")},
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List one's own orders, the newest first."""
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> OrderQuerySet:
        """Return the fan's orders."""
        return Order.objects.of(self.request.user).with_tickets()

    @extend_schema(
        operation_id="order_hold",
        tags=["Fans"],
        request=OrderIn,
        parameters=KEYED_PARAMETERS,
        responses={
            201: OrderOut,
            **problems(
                "invalid",
                "idempotency-key-missing",
                "not-authenticated",
                "payment-refused",
                "permission-denied",
                "not-found",
                "not-on-sale",
                "request-in-progress",
                "hold-expired",
                "idempotency-key-reused",
            ),
        },
        examples=[
            OpenApiExample(
                "A hold, paid with a test card",
                {
                    "hold": "3f9a5b64-90f4-4a36-9b0f-6d0f4d2a7c11",
                    "payment": {"provider": "test", "token": "tok_ok"},
                },
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        """Pay for a hold: 201 and the order with its tickets.

        503 may mean that the payment provider has not answered yet: the same request with the
        same key goes on from there and never pays twice.
        """
        asked = request_key(request)
        given = OrderIn(data=request.data)
        given.is_valid(raise_exception=True)
        return answer_keyed(
            request,
            asked,
            lambda keyed, _: _pay(request, given.validated_data, keyed),
            lambda settled: _decided(settled, request.path),
            {HoldExpired: hold_expired},
        )


def _pay(request: Request, wanted: dict[str, Any], keyed: Keyed[Settled]) -> Settled | Answer:
    """Pay for the hold; raises Problem for what a repeat may be told otherwise."""
    try:
        return pay_for_hold(
            hold_id=wanted["hold"],
            user=logged_in(request),
            provider=wanted["payment"]["provider"],
            token=wanted["payment"].get("token", ""),
            region=settings.REGION,
            keyed=keyed,
        )
    except UnknownProvider as error:
        raise invalid({"payment.provider": [str(error)]}) from None
    except ProviderNotAllowed as error:
        raise Problem(403, "permission-denied", nothing_changed(error)) from None
    except HoldNotFound:
        raise not_found("You have no such hold. Nothing was changed.") from None
    except HoldBeingPaid as error:
        raise Problem(
            409,
            "request-in-progress",
            f"{error} Repeat that one with its own Idempotency-Key, or look at your orders.",
            headers=_RETRY_AFTER,
        ) from None
    except PaymentUnsettled as error:
        raise Problem(
            503,
            "busy",
            f"It is not known yet whether order {error.order_id} is paid. Repeat the same "
            f"request with the same Idempotency-Key: it goes on from there and never pays twice.",
            headers=_RETRY_AFTER,
            order=str(error.order_id),
        ) from None


def _decided(settled: Settled, path: str) -> Answer:
    """Return what a decided order is answered with."""
    order, payment = settled.order, settled.payment
    if order.state != OrderState.FAILED:
        return Answer(201, OrderOut(order).data)
    if payment.state == PaymentState.REFUSED:
        detail = f"{payment.reason} Nothing was sold; the hold waits for another payment."
        problem = Problem(402, "payment-refused", detail, order=str(order.pk))
    elif order.event.state == EventState.CANCELLED:
        detail = "The event was cancelled before it was paid. Nothing was sold, no money is kept."
        at = utc(order.event.on_sale_at)
        problem = Problem(409, "not-on-sale", detail, order=str(order.pk), on_sale_at=at)
    else:
        detail = "The hold was lost before it was paid. Nothing was sold, no money is kept."
        problem = Problem(410, "hold-expired", detail, order=str(order.pk))
    return Answer(problem.status, problem.body(path))


class OrderView(APIView):
    """One of one's own orders."""

    @extend_schema(
        operation_id="get_order",
        tags=["Fans"],
        responses={200: OrderOut, **problems("not-authenticated", "not-found")},
    )
    def get(self, request: Request, order_id: UUID) -> Response:
        """Return an order with its tickets."""
        order = Order.objects.of(request.user).with_tickets().filter(pk=order_id).first()
        if order is None:
            raise not_found()
        return Response(OrderOut(order).data)


class CancelOrderView(APIView):
    """The end of an order."""

    @extend_schema(
        operation_id="cancel_order",
        tags=["Fans"],
        request=None,
        responses={
            200: OrderOut,
            **problems(
                "not-authenticated", "not-found", "order-not-paid", "too-late", "already-admitted"
            ),
        },
    )
    def post(self, request: Request, order_id: UUID) -> Response:
        """Cancel an order, in the event's time for it: all that was paid goes back, fees too.

        Its tickets are void and its seats on sale again. Once more does no harm.
        """
        try:
            order = cancel_order(order_id=order_id, user=logged_in(request), now=timezone.now())
        except OrderNotFound:
            raise not_found() from None
        except (OrderNotPaid, TooLate, TicketUsed) as refusal:
            raise RETURN_REFUSALS[type(refusal)](refusal) from None
        return Response(OrderOut(order).data)
