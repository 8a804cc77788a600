"""Webhook endpoints of an organisation over HTTP: made, changed, tried; what they were told."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.permissions import ORGANISATION, HasScope, organisation_of
from accounts.models import Role
from sales.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from sales.telling import endpoints
from sales.telling.endpoints import (
    SUBSCRIBABLE,
    DeliveryNotFound,
    EndpointDisabled,
    EndpointNotFound,
    TooManyEndpoints,
)
from worldseat.api.parsing import StrictSerializer, TextField
from worldseat.api.problems import Problem, invalid, not_found
from worldseat.api.schema import problems
from worldseat.api.views import APIView, ListAPIView
from worldseat.outbound import ForbiddenURL

__all__ = [
    "DeliveriesView",
    "PingView",
    "RedeliverView",
    "SecretView",
    "WebhookView",
    "WebhooksView",
]

_MANAGES = (HasScope("webhooks", role=Role.MANAGER),)
_ALWAYS = ("not-authenticated", "permission-denied", "not-found")


class WebhookChange(StrictSerializer):
    """What may be changed of a webhook; what is left out stays."""

    url = TextField(max_length=500, required=False)
    description = TextField(max_length=200, allow_blank=True, required=False)
    event_types = serializers.ListField(
        child=serializers.ChoiceField([str(kind) for kind in SUBSCRIBABLE]),
        required=False,
        max_length=len(SUBSCRIBABLE),
        help_text="None: all of them.",
    )
    enabled = serializers.BooleanField(required=False)


class WebhookIn(WebhookChange):
    """A webhook to be made."""

    url = TextField(max_length=500)


class WebhookOut(serializers.Serializer[Any]):
    """A webhook."""

    id = serializers.UUIDField()
    url = serializers.CharField()
    description = serializers.CharField()
    event_types = serializers.ListField(child=serializers.CharField(), source="kinds")
    enabled = serializers.BooleanField()
    disabled_reason = serializers.CharField(help_text="Why it was switched off, if by itself.")
    failing_since = serializers.DateTimeField(allow_null=True)
    old_secret_signs_until = serializers.DateTimeField(allow_null=True, source="previous_until")
    created_at = serializers.DateTimeField()


class WebhookWithSecret(WebhookOut):
    """A webhook, and what its messages are signed with: shown here, not in lists."""

    secret = serializers.CharField()


class WebhookList(serializers.Serializer[Any]):
    """All webhooks of one's organisations; there are few."""

    results = WebhookOut(many=True)


class TryOut(serializers.Serializer[Any]):
    """A try to deliver: what was answered, or why there is no answer."""

    at = serializers.DateTimeField()
    status = serializers.IntegerField(allow_null=True)
    error = serializers.CharField()
    milliseconds = serializers.IntegerField()
    body = serializers.CharField(help_text="How the answer began.")


class DeliveryOut(serializers.Serializer[Any]):
    """What a webhook was told, or is to be told."""

    id = serializers.UUIDField()
    message = serializers.UUIDField(source="happened_id", help_text="The header webhook-id.")
    type = serializers.CharField(source="happened.kind")
    state = serializers.ChoiceField(DeliveryState.choices)
    due_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    tries = TryOut(many=True)


def _fields(given: dict[str, Any]) -> dict[str, Any]:
    return {("kinds" if name == "event_types" else name): value for name, value in given.items()}


class WebhooksView(APIView):
    """The webhooks of one's organisations."""

    permission_classes = _MANAGES

    @extend_schema(
        operation_id="list_webhooks",
        tags=["Organisers"],
        responses={200: WebhookList, **problems(*_ALWAYS)},
    )
    def get(self, request: Request) -> Response:
        """List the webhooks."""
        found = endpoints.endpoints_of(user=request.user).order_by("created_at", "pk")
        return Response(WebhookList({"results": found}).data)

    @extend_schema(
        operation_id="create_webhook",
        tags=["Organisers"],
        parameters=[ORGANISATION],
        request=WebhookIn,
        responses={201: WebhookWithSecret, **problems("invalid", *_ALWAYS)},
        examples=[
            OpenApiExample(
                "What is sold and given back",
                {
                    "url": "https://hooks.acme.example/worldseat",
                    "event_types": ["order.paid", "order.refunded", "order.cancelled"],
                },
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        """Make a webhook; the answer has its secret."""
        given = WebhookIn(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            made = endpoints.create_endpoint(
                endpoint_id=uuid4(),
                organisation_id=organisation_of(request).pk,
                user=request.user,
                now=timezone.now(),
                **_fields(given.validated_data),
            )
        except ForbiddenURL as error:
            raise invalid({"url": [str(error)]}) from None
        except TooManyEndpoints as error:
            raise invalid({"url": [str(error)]}) from None
        except EndpointNotFound:
            raise not_found() from None
        return Response(WebhookWithSecret(made).data, status=201)


class WebhookView(APIView):
    """One webhook."""

    permission_classes = _MANAGES

    @extend_schema(
        operation_id="get_webhook",
        tags=["Organisers"],
        responses={200: WebhookWithSecret, **problems(*_ALWAYS)},
    )
    def get(self, request: Request, webhook_id: UUID) -> Response:
        """Show a webhook with its secret."""
        return Response(WebhookWithSecret(_found(request, webhook_id)).data)

    @extend_schema(
        operation_id="change_webhook",
        tags=["Organisers"],
        request=WebhookChange,
        responses={200: WebhookOut, **problems("invalid", *_ALWAYS)},
        examples=[OpenApiExample("Switch it on again", {"enabled": True}, request_only=True)],
    )
    def patch(self, request: Request, webhook_id: UUID) -> Response:
        """Change a webhook; enabling it lets what waits go on."""
        given = WebhookChange(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            changed = endpoints.change_endpoint(
                endpoint_id=webhook_id,
                user=request.user,
                changes=_fields(given.validated_data),
                now=timezone.now(),
            )
        except ForbiddenURL as error:
            raise invalid({"url": [str(error)]}) from None
        except EndpointNotFound:
            raise not_found() from None
        return Response(WebhookOut(changed).data)

    @extend_schema(
        operation_id="delete_webhook",
        tags=["Organisers"],
        responses={204: None, **problems(*_ALWAYS)},
    )
    def delete(self, request: Request, webhook_id: UUID) -> Response:
        """Delete a webhook and its log."""
        try:
            endpoints.delete_endpoint(endpoint_id=webhook_id, user=request.user, now=timezone.now())
        except EndpointNotFound:
            raise not_found() from None
        return Response(status=204)


def _found(request: Request, webhook_id: UUID) -> WebhookEndpoint:
    try:
        return endpoints.find_endpoint(endpoint_id=webhook_id, user=request.user)
    except EndpointNotFound:
        raise not_found() from None


class SecretView(APIView):
    """A webhook's secret."""

    permission_classes = _MANAGES

    @extend_schema(
        operation_id="rotate_webhook_secret",
        tags=["Organisers"],
        request=None,
        responses={200: WebhookWithSecret, **problems(*_ALWAYS)},
    )
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Make a new secret; the old one signs beside it for 24 hours."""
        try:
            rotated = endpoints.rotate_secret(
                endpoint_id=webhook_id, user=request.user, now=timezone.now()
            )
        except EndpointNotFound:
            raise not_found() from None
        return Response(WebhookWithSecret(rotated).data)


class PingView(APIView):
    """A message to try a webhook with."""

    permission_classes = _MANAGES

    @extend_schema(
        operation_id="ping_webhook",
        tags=["Organisers"],
        request=None,
        responses={202: DeliveryOut, **problems("webhook-disabled", *_ALWAYS)},
    )
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Send a message of type `ping`; its delivery says what came of it."""
        try:
            made = endpoints.ping(
                endpoint_id=webhook_id, ping_id=uuid4(), user=request.user, now=timezone.now()
            )
        except EndpointNotFound:
            raise not_found() from None
        except EndpointDisabled as error:
            raise _disabled(error) from None
        return Response(DeliveryOut(made).data, status=202)


def _disabled(error: EndpointDisabled) -> Problem:
    return Problem(409, "webhook-disabled", f"{error.__doc__} Enable it first. Nothing was sent.")


class DeliveriesView(ListAPIView[WebhookDelivery]):
    """The log of a webhook."""

    permission_classes = _MANAGES
    serializer_class = DeliveryOut
    ordering = "-created_at"

    @extend_schema(
        operation_id="list_webhook_deliveries",
        tags=["Organisers"],
        responses={200: DeliveryOut(many=True), **problems("invalid", *_ALWAYS)},
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List what a webhook was told and is to be told, the newest first, with every try."""
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> Any:
        """Return the deliveries; raises Problem (404)."""
        try:
            return endpoints.deliveries_of(
                endpoint_id=self.kwargs["webhook_id"], user=self.request.user
            )
        except EndpointNotFound:
            raise not_found() from None


class RedeliverView(APIView):
    """A message that is told again."""

    permission_classes = _MANAGES

    @extend_schema(
        operation_id="redeliver_webhook_delivery",
        tags=["Organisers"],
        request=None,
        responses={202: DeliveryOut, **problems("webhook-disabled", *_ALWAYS)},
    )
    def post(self, request: Request, webhook_id: UUID, delivery_id: UUID) -> Response:
        """Tell it again, under the same webhook-id."""
        try:
            again = endpoints.redeliver(
                endpoint_id=webhook_id,
                delivery_id=delivery_id,
                user=request.user,
                now=timezone.now(),
            )
        except (EndpointNotFound, DeliveryNotFound):
            raise not_found() from None
        except EndpointDisabled as error:
            raise _disabled(error) from None
        return Response(DeliveryOut(again).data, status=202)
