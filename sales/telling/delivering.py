"""Webhooks are delivered: at least once, in order for one order, again and again for days.

A delivery is claimed in one transaction (both of two workers write its row, one loses), sent
outside of any, and what came of it written in another. A worker that dies in between leaves a lease
that ends by itself. https://www.standardwebhooks.com is what receivers know.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from standardwebhooks import Webhook

from accounts import audit
from accounts.models import Membership, Role
from sales.models import (
    DeliveryState,
    OutboxEvent,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)
from sales.outbox import utc
from worldseat.dsql.occ import occ_retry
from worldseat.mail import send_mail_later
from worldseat.outbound import Answered, post

__all__ = ["DISABLED_AFTER", "WAITS", "body_of", "deliver", "signed"]

# Standard Webhooks' schedule: how long after each failure; then it has failed for good.
WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
# Of each wait, so that a receiver that comes back is not met by all at one instant.
_JITTER = 0.2
# An endpoint that has failed without a success for so long is told nothing more.
DISABLED_AFTER = timedelta(days=5)
_GONE = 410

# Longer than one try may take (worldseat.outbound.TOTAL_SECONDS, and the look-up of the name).
_LEASE = timedelta(seconds=90)
_AT_ONCE = 16
# So that one slow receiver keeps none of the others waiting.
_AT_ONCE_AN_ENDPOINT = 4
# After this a run takes on nothing more: the next one goes on.
_RUN_SECONDS = 20.0


def deliver(*, clock: Callable[[], datetime] = timezone.now, seconds: float = _RUN_SECONDS) -> int:
    """Deliver what is due, several at once, for some seconds; return how many tries it were."""
    until, tries = clock() + timedelta(seconds=seconds), 0
    flying: dict[Future[Answered], WebhookDelivery] = {}
    # The threads do HTTP and nothing else: this one has the database.
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        while True:
            if clock() < until:
                for each in _claim(count=_AT_ONCE - len(flying), now=clock()):
                    flying[pool.submit(_send, each, clock())] = each
                    tries += 1
            if not flying:
                return tries
            done, _ = wait(flying, timeout=1.0, return_when=FIRST_COMPLETED)
            for future in done:
                claimed = flying.pop(future)
                _record(
                    delivery_id=claimed.pk, try_id=uuid4(), answered=future.result(), now=clock()
                )


@occ_retry(repeatable=True)
def _claim(*, count: int, now: datetime) -> list[WebhookDelivery]:
    """Lease deliveries that are due to this worker, the longest due first."""
    if count <= 0:
        return []
    leased = WebhookDelivery.objects.filter(
        state=DeliveryState.PENDING, leased=True, due_at__gt=now
    )
    counts = leased.values("endpoint_id").annotate(number=Count("pk"))
    busy: Counter[UUID] = Counter({each["endpoint_id"]: each["number"] for each in counts})
    full = [each for each, number in busy.items() if number >= _AT_ONCE_AN_ENDPOINT]
    found = _due(now).exclude(endpoint_id__in=full).order_by("due_at")[: 4 * count]
    claimed = _some_of_each(list(found.select_related("endpoint", "happened")), busy, count)
    for each in claimed:
        each.attempts += 1
        each.leased, each.due_at = True, now + _LEASE
    if claimed:
        WebhookDelivery.objects.bulk_update(claimed, ["attempts", "leased", "due_at"])
    return claimed


def _due(now: datetime) -> QuerySet[WebhookDelivery]:
    """Return what may be delivered: of one subject, at one endpoint, the earliest alone."""
    earlier = WebhookDelivery.objects.filter(
        Q(sequence__lt=OuterRef("sequence"))
        | Q(sequence=OuterRef("sequence"), pk__lt=OuterRef("pk")),
        endpoint_id=OuterRef("endpoint_id"),
        subject_id=OuterRef("subject_id"),
        state=DeliveryState.PENDING,
    )
    due = WebhookDelivery.objects.filter(
        state=DeliveryState.PENDING, due_at__lte=now, endpoint__enabled=True
    )
    return due.filter(~Exists(earlier))


def _some_of_each(
    found: Sequence[WebhookDelivery], busy: Counter[UUID], count: int
) -> list[WebhookDelivery]:
    chosen: list[WebhookDelivery] = []
    for each in found:
        if len(chosen) < count and busy[each.endpoint_id] < _AT_ONCE_AN_ENDPOINT:
            busy[each.endpoint_id] += 1
            chosen.append(each)
    return chosen


def _send(delivery: WebhookDelivery, now: datetime) -> Answered:
    if not delivery.endpoint.secrets_at(now):
        return Answered(None, "The secret cannot be opened: make a new one.", "", 0)
    body = body_of(delivery.happened)
    return post(
        delivery.endpoint.url, body, signed(delivery.endpoint, delivery.happened_id, body, now)
    )


def body_of(happened: OutboxEvent) -> bytes:
    """Return what is sent, the same in each try."""
    told = {
        "type": happened.kind,
        "timestamp": utc(happened.created_at),
        "sequence": happened.sequence,
        "data": happened.payload,
    }
    return json.dumps(told, separators=(",", ":")).encode()


def signed(endpoint: WebhookEndpoint, id_: UUID, body: bytes, now: datetime) -> dict[str, str]:
    """Return the headers of a message: signed with each secret that is good now."""
    signatures = [
        Webhook(secret).sign(msg_id=str(id_), timestamp=now, data=body.decode())
        for secret in endpoint.secrets_at(now)
    ]
    return {
        "Content-Type": "application/json",
        "User-Agent": "WorldSeat-Webhooks/1",
        "webhook-id": str(id_),
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


@occ_retry(repeatable=True)
def _record(*, delivery_id: UUID, try_id: UUID, answered: Answered, now: datetime) -> None:
    """Write down what a try came to, and when the next one is."""
    found = WebhookDelivery.objects.select_related("endpoint").filter(pk=delivery_id).first()
    # Deleted with its endpoint meanwhile; or written before, by a COMMIT that got no answer.
    if found is None or WebhookAttempt.objects.filter(pk=try_id).exists():
        return
    WebhookAttempt.objects.create(
        pk=try_id,
        delivery=found,
        at=now,
        status=answered.status,
        error=answered.error,
        milliseconds=answered.milliseconds,
        body=answered.body,
    )
    if found.state == DeliveryState.PENDING:
        _move(found, answered, now)
    _note_health(found.endpoint, answered, now)


def _move(delivery: WebhookDelivery, answered: Answered, now: datetime) -> None:
    delivery.leased = False
    if answered.ok:
        delivery.state, delivery.ended_at = DeliveryState.DELIVERED, now
    elif answered.status == _GONE or delivery.attempts > len(WAITS):
        delivery.state, delivery.ended_at = DeliveryState.FAILED, now
    else:
        wait_for = WAITS[max(0, delivery.attempts - 1)]
        delivery.due_at = now + wait_for * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311
    delivery.save(update_fields=["leased", "state", "ended_at", "due_at"])


def _note_health(endpoint: WebhookEndpoint, answered: Answered, now: datetime) -> None:
    """Write the endpoint's row only when its health changes: all of its deliveries share it."""
    if answered.ok:
        if endpoint.failing_since is not None:
            endpoint.failing_since = None
            endpoint.save(update_fields=["failing_since"])
        return
    if endpoint.enabled and answered.status == _GONE:
        _disable(endpoint, "It answered 410 Gone.", now)
    elif endpoint.failing_since is None:
        endpoint.failing_since = now
        endpoint.save(update_fields=["failing_since"])
    elif endpoint.enabled and now - endpoint.failing_since >= DISABLED_AFTER:
        _disable(endpoint, f"Every try has failed for {DISABLED_AFTER.days} days.", now)


def _disable(endpoint: WebhookEndpoint, reason: str, now: datetime) -> None:
    """Tell an endpoint nothing more, and its organisation's owners that it is so."""
    endpoint.enabled, endpoint.disabled_reason = False, reason
    endpoint.save(update_fields=["enabled", "disabled_reason"])
    audit.record(
        organisation_id=endpoint.organisation_id,
        actor=None,
        action="webhook.disabled",
        subject=endpoint,
        changes={"enabled": [True, False], "reason": ["", reason]},
        now=now,
    )
    owners = Membership.objects.filter(
        organisation_id=endpoint.organisation_id, role=Role.OWNER, user__is_active=True
    )
    for address in owners.values_list("user__email", flat=True):
        send_mail_later(
            template="webhook_disabled",
            to=address,
            context={
                "url": endpoint.url,
                "reason": reason,
                "organisation": endpoint.organisation.name,
                "path": f"/organise/webhooks/{endpoint.pk}/",
            },
        )
