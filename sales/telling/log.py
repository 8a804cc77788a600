"""What webhooks were told, for the people who manage them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery

from sales.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from sales.telling.endpoints import deliveries_of, endpoints_of, find_endpoint
from worldseat.keyset import Keyset

__all__ = ["PAGE", "EndpointLog", "endpoints_and_last", "log_of"]

PAGE = 30


@dataclass(frozen=True)
class EndpointLog:
    """An endpoint, a page of what it was told, the newest first, and where the next page begins."""

    endpoint: WebhookEndpoint
    deliveries: Sequence[WebhookDelivery]
    following: str


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


def log_of(*, endpoint_id: UUID, user: Any, after: str = "") -> EndpointLog:
    """Return an endpoint with a page of its log; raises EndpointNotFound.

    `after` is a page's `following`; a text that is none begins with the newest.
    """
    endpoint = find_endpoint(endpoint_id=endpoint_id, user=user)
    deliveries = deliveries_of(endpoint_id=endpoint_id, user=user)
    page = Keyset(deliveries.order_by("-created_at", "-pk")).page_or_first(after, PAGE)
    return EndpointLog(endpoint, page.rows, page.following)
