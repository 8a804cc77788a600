"""The outbox is drained: a row becomes deliveries and mails, and is done with, in one transaction.

So each is made exactly once, whoever drains, however many at once and whenever one is killed: two
that read the same rows both write them, and snapshot isolation lets one COMMIT.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from sales.models import (
    DeliveryState,
    EventKind,
    Mailing,
    Order,
    OrderMail,
    OutboxEvent,
    WebhookDelivery,
    WebhookEndpoint,
)
from worldseat.dsql import bulk
from worldseat.dsql.occ import occ_retry

__all__ = ["KEPT", "MAILED", "drain", "tidy_outbox"]

# With an organisation's twenty endpoints and a mail each: under 3,000 rows.
_DRAINED_AT_ONCE = 100
# How long what was told can be read in the log, and told again.
KEPT = timedelta(days=30)
_TIDIED_AT_ONCE = 500

# What a fan is mailed of, and the template.
MAILED = {
    EventKind.ORDER_PAID: "order_paid",
    EventKind.ORDER_REFUNDED: "order_refunded",
    EventKind.ORDER_CANCELLED: "order_cancelled",
    EventKind.TICKET_EXCHANGED: "ticket_exchanged",
    EventKind.TICKET_REISSUED: "ticket_reissued",
}


def drain(*, clock: Callable[[], datetime] = timezone.now) -> int:
    """Make deliveries and mails of all that has happened; return of how many events."""
    drained = 0
    while done := _drain_some(now=clock()):
        drained += done
    return drained


@occ_retry(repeatable=True)
def _drain_some(*, now: datetime) -> int:
    waiting = OutboxEvent.objects.filter(drained_at__isnull=True)
    # The earlier event of a subject is in this batch or an earlier one: see OutboxEvent.sequence.
    rows = list(waiting.order_by("sequence", "pk")[:_DRAINED_AT_ONCE])
    if not rows:
        return 0
    # First: who else drains them conflicts here, before a unique constraint is in her way.
    OutboxEvent.objects.filter(pk__in=[row.pk for row in rows]).update(drained_at=now)
    told = [row for row in rows if not row.payload.get("event", {}).get("simulation")]
    WebhookDelivery.objects.bulk_create(_deliveries(told, now))
    OrderMail.objects.bulk_create(_mails(told, now))
    Mailing.objects.bulk_create(_mailings(told))
    return len(rows)


def _deliveries(rows: Sequence[OutboxEvent], now: datetime) -> list[WebhookDelivery]:
    organisations = {row.organisation_id for row in rows}
    endpoints: dict[UUID, list[WebhookEndpoint]] = defaultdict(list)
    for each in WebhookEndpoint.objects.filter(organisation__in=organisations, enabled=True):
        endpoints[each.organisation_id].append(each)
    return [
        WebhookDelivery(
            endpoint=endpoint,
            happened=row,
            subject_id=row.subject_id,
            sequence=row.sequence,
            due_at=now,
            created_at=now,
        )
        for row in rows
        for endpoint in endpoints[row.organisation_id]
        if endpoint.wants(row.kind)
    ]


def _mails(rows: Sequence[OutboxEvent], now: datetime) -> list[OrderMail]:
    mailed = [row for row in rows if row.kind in MAILED]
    ids = {row.subject_id for row in mailed}
    # Nobody reads a simulated fan's mail.
    people = set(
        Order.objects.filter(pk__in=ids, fan__is_simulated=False).values_list("pk", flat=True)
    )
    return [
        OrderMail(
            happened=row,
            order_id=row.subject_id,
            template=MAILED[EventKind(row.kind)],
            due_at=now,
            created_at=now,
        )
        for row in mailed
        if row.subject_id in people
    ]


def _mailings(rows: Sequence[OutboxEvent]) -> list[Mailing]:
    return [
        Mailing(happened=row, event_id=row.subject_id)
        for row in rows
        if row.kind == EventKind.EVENT_CHANGED
    ]


def tidy_outbox(*, now: datetime) -> int:
    """Delete what was told longer than KEPT ago, some at a time; return how many events.

    Deleted endpoints go too. An event goes with its deliveries, their attempts and its mails; one
    with a delivery that is pending stays. What a run leaves the next one takes.
    """
    _tidy_endpoints()
    old = OutboxEvent.objects.filter(created_at__lt=now - KEPT, drained_at__isnull=False)
    pending = WebhookDelivery.objects.filter(state=DeliveryState.PENDING)
    told = old.exclude(pk__in=pending.values("happened_id"))
    ids = list(told.order_by("created_at").values_list("pk", flat=True)[:_TIDIED_AT_ONCE])
    # First, in steps: a change of an event is one row, and has a mail for each of its orders, which
    # are more than a transaction takes.
    bulk.delete(OrderMail.objects.filter(happened__in=ids))
    bulk.delete(OutboxEvent.objects.filter(pk__in=ids))
    return len(ids)


def _tidy_endpoints() -> None:
    deleted = WebhookEndpoint.objects.filter(deleted_at__isnull=False)
    log = WebhookDelivery.objects.filter(endpoint__in=deleted)
    bulk.delete(log.order_by("pk")[:_TIDIED_AT_ONCE])
    bulk.delete(deleted.filter(deliveries__isnull=True))
