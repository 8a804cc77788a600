"""All money back for an event that is cancelled: a job that refunds one order after the other.

Each order is a transaction of its own, and one that was refunded is not paid any more: so a job
that is killed goes on where it was, and two workers at it refund nothing twice.

An order that is not paid yet when its event is cancelled is not sold any more (sales.settlement).
One whose sale commits at the instant of the cancelling may be paid behind the job's back:
`refund_late_orders`, on beat, looks for those.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet
from django.utils import timezone

from accounts.audit import record
from accounts.models import User
from sales.cancelling import refund_cancelled
from sales.models import (
    UNFINISHED_JOBS,
    BulkJob,
    Event,
    EventState,
    JobKind,
    JobState,
    Order,
    OrderState,
)
from sales.organising.event_states import NotReady
from sales.organising.jobs import Clock, begin_job, get_on
from sales.organising.rights import managed_event
from worldseat.dsql.occ import occ_retry

__all__ = ["begin_refunds", "orders_to_refund", "refund_late_orders", "refund_orders"]

# Between two signs of life: a payment provider is asked for each.
ORDERS_A_BATCH = 10
# Longer than any sale that was under way; a day on which no beat ran is not too long either.
LATE_FOR = timedelta(days=7)


def orders_to_refund(*, event_id: UUID) -> int:
    """Count the orders of an event that are paid."""
    return _paid(event_id).count()


def _paid(event_id: UUID) -> QuerySet[Order]:
    return Order.objects.filter(event_id=event_id, state=OrderState.PAID)


def _paid_of(job: BulkJob) -> QuerySet[Order]:
    assert job.event_id  # noqa: S101 - such a job is of an event
    return _paid(job.event_id)


@occ_retry(repeatable=True)
def begin_refunds(*, event_id: UUID, user: Any, now: datetime) -> BulkJob:
    """Return the job that refunds a cancelled event's paid orders: the one at it, or a new one.

    `working.set_going` does it. Raises EventNotFound, RoleTooLow, and NotReady unless the event is
    cancelled.
    """
    event = managed_event(event_id=event_id, user=user)
    if event.state != EventState.CANCELLED:
        raise NotReady("Cancel the event first. Nothing was refunded.")
    # Two who begin at once both write the event's row: one of them finds the other's job.
    Event.objects.filter(pk=event.pk).update(name=F("name"))
    refunding = BulkJob.objects.filter(event=event, kind=JobKind.REFUND_ORDERS)
    if at_it := refunding.filter(state__in=UNFINISHED_JOBS).first():
        return at_it
    total = orders_to_refund(event_id=event.pk)
    job = BulkJob.objects.create(
        organisation_id=event.organisation_id,
        event=event,
        kind=JobKind.REFUND_ORDERS,
        title=f"Refund {total} order{'' if total == 1 else 's'} of {event.name}"[:300],
        total=total,
        started_by=user if isinstance(user, User) else None,
        created_at=now,
    )
    begin_job(job, now=now)
    record(
        organisation_id=event.organisation_id,
        actor=user,
        action="event.refunded",
        subject=event,
        changes={"orders": [0, total]},
        now=now,
    )
    return job


def refund_orders(job_id: UUID, clock: Clock) -> None:
    """Do the job, or what is left of it; raises JobStopped."""
    last: UUID | None = None
    while orders := _next(job_id=job_id, after=last, now=clock()):
        by = BulkJob.objects.select_related("started_by").get(pk=job_id).started_by
        for order_id in orders:
            refund_cancelled(order_id=order_id, by=by, now=clock())
        last = orders[-1]
        _count(job_id=job_id, now=clock())


def refund_late_orders(*, clock: Clock = timezone.now) -> int:
    """Refund orders that were paid after their event's refunds were done; return how many.

    Of events whose organiser has begun refunds, in whose name it is done. Where none were begun,
    or they were stopped, the money is hers to give back.
    """
    refunded = 0
    for event_id, job in _refunded_lately(now=clock()).items():
        for order_id in _paid(event_id).values_list("pk", flat=True)[:ORDERS_A_BATCH]:
            refunded += refund_cancelled(order_id=order_id, by=job.started_by, now=clock())
    return refunded


@occ_retry(repeatable=True)
def _refunded_lately(*, now: datetime) -> dict[UUID, BulkJob]:
    """Return the latest job of each cancelled event, where it is done, by the event."""
    jobs = BulkJob.objects.filter(
        kind=JobKind.REFUND_ORDERS,
        event__state=EventState.CANCELLED,
        created_at__gt=now - LATE_FOR,
    )
    latest = {job.event_id: job for job in jobs.select_related("started_by").order_by("created_at")}
    return {event: job for event, job in latest.items() if event and job.state == JobState.DONE}


@occ_retry(repeatable=True)
def _next(*, job_id: UUID, after: UUID | None, now: datetime) -> Sequence[UUID]:
    job = get_on(job_id, now=now)
    paid = _paid_of(job).order_by("pk")
    found = paid.filter(pk__gt=after) if after else paid
    return list(found.values_list("pk", flat=True)[:ORDERS_A_BATCH])


@occ_retry(repeatable=True)
def _count(*, job_id: UUID, now: datetime) -> None:
    """Write how far it is, by what is left: a worker that was killed may not have counted."""
    job = get_on(job_id, now=now)
    done = max(job.total - _paid_of(job).count(), 0)
    BulkJob.objects.filter(pk=job_id).update(done=done, report={"refunded": done})
