"""Webhook endpoints: who manages an organisation makes, changes, tries and deletes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Prefetch, QuerySet

from accounts import audit
from accounts.models import Role
from accounts.tenancy import organisations_of
from sales.idempotency import Answer, RequestKey, store_answer, stored_answer
from sales.models import (
    DeliveryState,
    EventKind,
    OutboxEvent,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    new_secret,
)
from sales.outbox import utc, wake_delivery
from worldseat.dsql.occ import occ_retry
from worldseat.outbound import check_url
from worldseat.sealing import Resealed

__all__ = [
    "MOST_ENDPOINTS",
    "ROTATION",
    "SUBSCRIBABLE",
    "DeliveryNotFound",
    "EndpointDisabled",
    "EndpointNotFound",
    "TooManyEndpoints",
    "change_endpoint",
    "create_endpoint",
    "delete_endpoint",
    "deliveries_of",
    "endpoints_of",
    "find_endpoint",
    "ping",
    "redeliver",
    "reseal_secrets",
    "rotate_secret",
]

# How long the old secret signs beside the new one.
ROTATION = timedelta(hours=24)
# Of one organisation; what is drained at once depends on it (draining._DRAINED_AT_ONCE).
MOST_ENDPOINTS = 20
SUBSCRIBABLE = [kind for kind in EventKind if kind != EventKind.PING]


class EndpointNotFound(LookupError):
    """There is no such webhook, or none of an organisation that you manage."""


class DeliveryNotFound(LookupError):
    """The webhook has no such delivery."""


class EndpointDisabled(Exception):
    """The webhook is not enabled: it is told nothing."""


class TooManyEndpoints(Exception):
    """The organisation has as many webhooks as one may have."""


def endpoints_of(*, user: Any) -> QuerySet[WebhookEndpoint]:
    """Return the endpoints of the organisations that a user manages."""
    own = organisations_of(user, role=Role.MANAGER)
    found = WebhookEndpoint.objects.filter(organisation__in=own, deleted_at__isnull=True)
    return found.select_related("organisation")


def find_endpoint(*, endpoint_id: UUID, user: Any) -> WebhookEndpoint:
    """Return an endpoint; raises EndpointNotFound."""
    found = endpoints_of(user=user).filter(pk=endpoint_id).first()
    if found is None:
        raise EndpointNotFound
    return found


def deliveries_of(*, endpoint_id: UUID, user: Any) -> QuerySet[WebhookDelivery]:
    """Return what an endpoint was (to be) told, with its tries; raises EndpointNotFound."""
    endpoint = find_endpoint(endpoint_id=endpoint_id, user=user)
    found = WebhookDelivery.objects.filter(endpoint=endpoint)
    tries = WebhookAttempt.objects.order_by("-at")
    return found.select_related("happened").prefetch_related(Prefetch("tries", queryset=tries))


@occ_retry(repeatable=True)
def create_endpoint(
    *,
    endpoint_id: UUID,
    organisation_id: UUID,
    user: Any,
    url: str,
    now: datetime,
    description: str = "",
    kinds: Sequence[str] = (),
    enabled: bool = True,
) -> WebhookEndpoint:
    """Make an endpoint under a new id, by which it knows itself again after a lost COMMIT.

    `kinds` are of SUBSCRIBABLE; none: all of them. Raises EndpointNotFound for an organisation that
    the user does not manage, or when it was deleted meanwhile, ForbiddenURL, TooManyEndpoints;
    nothing is written then.
    """
    own = organisations_of(user, role=Role.MANAGER).filter(pk=organisation_id)
    if not own.exists():
        raise EndpointNotFound
    if WebhookEndpoint.objects.filter(pk=endpoint_id, organisation__in=own).exists():
        return find_endpoint(endpoint_id=endpoint_id, user=user)
    check_url(url)
    # Two at one instant may pass it by one: nothing depends on the exact number.
    others = endpoints_of(user=user).filter(organisation_id=organisation_id)
    if others.count() >= MOST_ENDPOINTS:
        raise TooManyEndpoints(f"The organisation has {MOST_ENDPOINTS} webhooks already.")
    made = WebhookEndpoint(
        pk=endpoint_id,
        organisation_id=organisation_id,
        url=url,
        description=description,
        kinds=sorted(kinds),
        enabled=enabled,
        created_at=now,
    )
    made.save(force_insert=True)
    _record(made, user, "webhook.created", {"url": ["", url], "kinds": [[], made.kinds]}, now)
    return made


@occ_retry(repeatable=True)
def change_endpoint(
    *, endpoint_id: UUID, user: Any, changes: dict[str, Any], now: datetime
) -> WebhookEndpoint:
    """Change `url`, `description`, `kinds` or `enabled`; enabling it forgets its failures.

    Raises EndpointNotFound, ForbiddenURL; nothing is written then.
    """
    endpoint = find_endpoint(endpoint_id=endpoint_id, user=user)
    if "url" in changes:
        check_url(changes["url"])
    before = audit.values_of(endpoint)
    for name, value in changes.items():
        setattr(endpoint, name, sorted(value) if name == "kinds" else value)
    if changes.get("enabled"):
        endpoint.disabled_reason, endpoint.failing_since = "", None
    endpoint.save(
        update_fields=["url", "description", "kinds", "enabled", "disabled_reason", "failing_since"]
    )
    changed = audit.changed(before, audit.values_of(endpoint))
    if changed:
        _record(endpoint, user, "webhook.changed", changed, now)
    return endpoint


@occ_retry(repeatable=True)
def delete_endpoint(
    *, endpoint_id: UUID, user: Any, now: datetime, request: RequestKey | None = None
) -> None:
    """Delete an endpoint; it is told nothing more, and its log goes in steps (tidy_outbox).

    Once for a `request`. Raises EndpointNotFound, KeyReused.
    """
    if _done_before(request, now):
        return
    endpoint = find_endpoint(endpoint_id=endpoint_id, user=user)
    _record(endpoint, user, "webhook.deleted", {"url": [endpoint.url, ""]}, now)
    # Its deliveries may be more than a transaction can delete.
    endpoint.deleted_at, endpoint.enabled = now, False
    endpoint.save(update_fields=["deleted_at", "enabled"])
    _note(request, now)


@occ_retry(repeatable=True)
def rotate_secret(
    *, endpoint_id: UUID, user: Any, now: datetime, request: RequestKey | None = None
) -> WebhookEndpoint:
    """Give an endpoint a new secret; the old one signs beside it for ROTATION.

    Rotated twice within that time, the first one signs no more; a `request` that comes again
    rotates once. Raises EndpointNotFound, KeyReused.
    """
    endpoint = find_endpoint(endpoint_id=endpoint_id, user=user)
    if _done_before(request, now):
        return endpoint
    endpoint.previous_secret, endpoint.previous_until = endpoint.secret, now + ROTATION
    endpoint.secret = new_secret()
    endpoint.save(update_fields=["secret", "previous_secret", "previous_until"])
    _record(endpoint, user, "webhook.secret_rotated", {"secret": ["", ""]}, now)
    _note(request, now)
    return endpoint


def reseal_secrets() -> Resealed:
    """Seal all secrets under SECRET_KEY as it is now, one endpoint a transaction.

    Those that no key opens stay as they are. May be stopped, and run again.
    """
    ids = list(WebhookEndpoint.objects.order_by("pk").values_list("pk", flat=True))
    return Resealed.of(_reseal(endpoint_id=each) for each in ids)


@occ_retry(repeatable=True)
def _reseal(*, endpoint_id: UUID) -> bool | None:
    endpoint = WebhookEndpoint.objects.filter(pk=endpoint_id).first()
    if endpoint is None:
        return None
    opened = [name for name in ("secret", "previous_secret") if getattr(endpoint, name)]
    if opened:
        endpoint.save(update_fields=opened)
    return "secret" in opened


@occ_retry(repeatable=True)
def ping(*, endpoint_id: UUID, ping_id: UUID, user: Any, now: datetime) -> WebhookDelivery:
    """Have an endpoint told of nothing, as a try; once for a `ping_id`, which is the message's.

    Raises EndpointNotFound, EndpointDisabled.
    """
    endpoint = find_endpoint(endpoint_id=endpoint_id, user=user)
    before = WebhookDelivery.objects.filter(endpoint=endpoint, happened_id=ping_id).first()
    if before is not None:
        return before
    if not endpoint.enabled:
        raise EndpointDisabled
    happened = OutboxEvent.objects.create(
        pk=ping_id,
        organisation_id=endpoint.organisation_id,
        kind=EventKind.PING,
        subject_id=uuid4(),
        sequence=int(now.timestamp() * 1_000_000),
        payload={"endpoint": str(endpoint.pk), "at": utc(now)},
        created_at=now,
        drained_at=now,
    )
    transaction.on_commit(wake_delivery)
    return WebhookDelivery.objects.create(
        endpoint=endpoint,
        happened=happened,
        subject_id=happened.subject_id,
        sequence=happened.sequence,
        due_at=now,
        created_at=now,
    )


@occ_retry(repeatable=True)
def redeliver(
    *,
    endpoint_id: UUID,
    delivery_id: UUID,
    user: Any,
    now: datetime,
    request: RequestKey | None = None,
) -> WebhookDelivery:
    """Have an event told again, now, and by the whole schedule if it fails; in its order's order.

    One that is pending is tried now. Once for a `request`. Raises EndpointNotFound,
    DeliveryNotFound, EndpointDisabled, KeyReused.
    """
    deliveries = deliveries_of(endpoint_id=endpoint_id, user=user).select_related("endpoint")
    found = deliveries.filter(pk=delivery_id).first()
    if found is None:
        raise DeliveryNotFound
    if _done_before(request, now):
        return found
    if not found.endpoint.enabled:
        raise EndpointDisabled
    found.state, found.ended_at = DeliveryState.PENDING, None
    found.attempts, found.due_at, found.leased = 0, now, False
    found.save(update_fields=["state", "ended_at", "attempts", "due_at", "leased"])
    _record(found.endpoint, user, "webhook.redelivered", {"delivery": ["", str(found.pk)]}, now)
    _note(request, now)
    transaction.on_commit(wake_delivery)
    return found


def _done_before(request: RequestKey | None, now: datetime) -> bool:
    return request is not None and stored_answer(request, now=now) is not None


def _note(request: RequestKey | None, now: datetime) -> None:
    """Keep that a request was done, with what it did."""
    if request is not None:
        store_answer(request, Answer(HTTPStatus.NO_CONTENT, {}), now=now)


def _record(
    endpoint: WebhookEndpoint, user: Any, action: str, changes: dict[str, Any], now: datetime
) -> None:
    audit.record(
        organisation_id=endpoint.organisation_id,
        actor=user,
        action=action,
        subject=endpoint,
        changes=changes,
        now=now,
    )
