"""What webhooks were told, for the people who manage them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery

from sales.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from sales.telling.endpoints import deliveries_of, endpoints_of, find_endpoint

__all__ = ["PAGE", "EndpointLog", "endpoints_and_last", "log_of"]

PAGE = 30


@dataclass(frozen=True)
class EndpointLog:
    """An endpoint and a page of what it was told, the newest first.

    `following`: the delivery after which the next page begins; None: this one is the last.
    """

    endpoint: WebhookEndpoint
    deliveries: Sequence[WebhookDelivery]
    following: UUID | None


def endpoints_and_last(*, user: Any) -> QuerySet[WebhookEndpoint]:
    """Return the endpoints that a user manages, with `last_at` and `last_status` of the last try.

    Both None where it was told nothing; the status alone where there was no answer.
    """
    tries = WebhookAttempt.objects.filter(delivery__endpoint=OuterRef("pk")).order_by("-at", "-pk")
    return (
        endpoints_of(user=user)
        .annotate(
            last_at=Subquery(tries.values("at")[:1]),
            last_status=Subquery(tries.values("status")[:1]),
        )
        .order_by("organisation__name", "created_at", "pk")
    )


def log_of(*, endpoint_id: UUID, user: Any, after: UUID | None = None) -> EndpointLog:
    """Return an endpoint with a page of its log, from after a delivery; raises EndpointNotFound."""
    endpoint = find_endpoint(endpoint_id=endpoint_id, user=user)
    deliveries = deliveries_of(endpoint_id=endpoint_id, user=user)
    last = deliveries.filter(pk=after).first() if after else None
    if last:
        same = Q(created_at=last.created_at, pk__lt=last.pk)
        deliveries = deliveries.filter(Q(created_at__lt=last.created_at) | same)
    found = list(deliveries.order_by("-created_at", "-pk")[: PAGE + 1])
    following = found[PAGE - 1].pk if len(found) > PAGE else None
    return EndpointLog(endpoint, found[:PAGE], following)
