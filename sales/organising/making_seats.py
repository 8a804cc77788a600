"""The seats of an event, made of a plan of its venue: as a job, since an arena takes a while."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.audit import record
from accounts.models import Role, User
from sales.models import BulkJob, JobKind, JobState, SeatingPlan
from sales.organising.jobs import Clock, get_on
from sales.organising.rights import managed_event
from sales.organising.venue_plans import PlanNotFound, visible_plan
from sales.plans import OtherPlan, Prices, PricesRefused, import_plan, plan_of
from sales.plans.prices import HIGHEST_PRICE
from worldseat.dsql.occ import occ_retry

__all__ = ["make_seats", "plan_to_make_seats"]


@occ_retry()
def plan_to_make_seats(
    *, event_id: UUID, plan_id: UUID, user: Any, prices: Mapping[str, int], now: datetime
) -> BulkJob:
    """Write down that an event gets the seats of a plan, and return the job, to be set going.

    prices: in minor units, for each category of the plan that the event has not yet. An upload
    is taken as one of the venue's plans.

    Raises EventNotFound, PlanNotFound (also for another venue's), RoleTooLow, OtherPlan (the event
    has seats of another one) and PricesRefused.
    """
    event = managed_event(event_id=event_id, user=user)
    stored = visible_plan(plan_id=plan_id, user=user, role=Role.MANAGER)
    if stored.venue_id != event.venue_id:
        raise PlanNotFound(PlanNotFound.__doc__)
    if event.plan_id and event.plan_id != stored.pk:
        raise OtherPlan(str(event.plan))
    wanted = _checked(stored, dict(event.categories.values_list("name", "price_minor")), prices)
    if stored.is_upload:
        stored.is_upload = False
        stored.save(update_fields=["is_upload"])
    job = BulkJob.objects.create(
        organisation_id=event.organisation_id,
        event=event,
        kind=JobKind.MAKE_SEATS,
        title=f"Make the seats of {stored.name}: {stored.seat_count:,} seats"[:300],
        asked={"plan": str(stored.pk), "prices": wanted},
        state=JobState.WAITING,
        total=stored.seat_count,
        started_by=user if isinstance(user, User) else None,
        created_at=now,
        started_at=now,
        beat_at=now,
    )
    record(
        organisation_id=event.organisation_id,
        actor=user,
        action="event.seats_imported",
        subject=event,
        changes={"plan": [None, str(stored.pk)], "seats": stored.seat_count, "job": str(job.pk)},
        now=now,
    )
    return job


def _checked(
    stored: SeatingPlan, existing: Mapping[str, int], prices: Mapping[str, int]
) -> dict[str, int]:
    """Return the prices of the categories that the event lacks; raises PricesRefused."""
    names = [each["name"] for each in stored.categories]
    lacking = [name for name in names if name not in existing]
    wanted = {name: prices[name] for name in lacking if name in prices}
    missing = [name for name in lacking if not 0 <= wanted.get(name, -1) <= HIGHEST_PRICE]
    if missing:
        raise PricesRefused(missing=missing)
    return wanted


def make_seats(job_id: UUID, clock: Clock) -> None:
    """Make an event's seats, from where the last worker was; they count when all are there."""
    job = BulkJob.objects.get(pk=job_id)
    plan = plan_of(SeatingPlan.objects.get(pk=job.asked["plan"]))
    assert job.event_id  # noqa: S101 - such a job has an event

    def progress(done: int, of: int) -> None:
        _note(job_id=job_id, done=done, now=clock())

    import_plan(
        event_id=job.event_id,
        plan=plan,
        prices=Prices(by_category=_lacking(job)),
        now=clock(),
        progress=progress,
    )
    _note(job_id=job_id, done=len(plan.seats), now=clock())


def _lacking(job: BulkJob) -> dict[str, int]:
    """Return the prices of categories that no earlier worker has made yet."""
    assert job.event  # noqa: S101 - such a job has an event
    made = set(job.event.categories.values_list("name", flat=True))
    return {name: price for name, price in job.asked["prices"].items() if name not in made}


@occ_retry(repeatable=True)
def _note(*, job_id: UUID, done: int, now: datetime) -> None:
    get_on(job_id, now=now)
    BulkJob.objects.filter(pk=job_id).update(done=done, report={"added": done})
