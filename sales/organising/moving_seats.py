"""An event moved to another version of its venue's plan; what is sold or held stays as it is.

Seats are known by their names in the plan (`guid`). One that the new version lacks is deleted if
nobody ever had a ticket for it, and blocked if somebody had; one that is sold or held stays, and
is reported. The event's painting, blocks and marks stay; places, rows and numbers follow the plan.
Events that are not moved are untouched: each has seats of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F

from accounts.audit import record
from accounts.models import Role, User
from sales.models import (
    BulkJob,
    Event,
    EventState,
    JobBatch,
    JobKind,
    PriceCategory,
    Seat,
    SeatingPlan,
    SeatStatus,
)
from sales.organising.event_states import NotReady
from sales.organising.jobs import Clock, add_outcomes, begin_job, get_on
from sales.organising.operations import Result
from sales.organising.rights import managed_event, visible_job
from sales.organising.venue_plans import PlanNotFound, visible_plan
from sales.plans import Plan, PlannedSeat, Prices, plan_of
from sales.plans.prices import missing_categories
from worldseat.dsql.occ import occ_retry

__all__ = ["GONE", "move_seats", "plan_to_move", "start_move"]

SEATS_A_BATCH = 500
GONE = "Not in the plan any more"

_FIELDS = ("section", "row", "number", "x", "y", "position")


@occ_retry(repeatable=True)
def plan_to_move(
    *, event_id: UUID, plan_id: UUID, user: Any, prices: Mapping[str, int], now: datetime
) -> BulkJob:
    """Write down that an event moves to another plan of its venue, as a preview.

    prices: in minor units, for categories that the event has not yet. Raises EventNotFound,
    PlanNotFound, RoleTooLow, NotReady and PricesRefused; nothing is changed.
    """
    event = managed_event(event_id=event_id, user=user)
    stored = visible_plan(plan_id=plan_id, user=user, role=Role.MANAGER)
    if stored.venue_id != event.venue_id:
        raise PlanNotFound(PlanNotFound.__doc__)
    _check(event, stored)
    plan = plan_of(stored)
    missing_categories(event=event, plan=plan, prices=Prices(by_category=prices))
    known = set(event.seats.values_list("guid", flat=True))
    planned = [seat.guid for seat in plan.seats]
    guids = [*planned, *sorted(known - set(planned))]
    job = BulkJob.objects.create(
        organisation_id=event.organisation_id,
        event=event,
        kind=JobKind.MOVE_SEATS,
        title=f"Move to the plan {stored.name}: {len(guids):,} seats"[:300],
        asked={"plan": str(stored.pk), "prices": dict(prices)},
        total=len(guids),
        started_by=user if isinstance(user, User) else None,
        created_at=now,
    )
    JobBatch.objects.bulk_create(
        JobBatch(job=job, position=at, seats=guids[first : first + SEATS_A_BATCH])
        for at, first in enumerate(range(0, len(guids), SEATS_A_BATCH))
    )
    return job


def _check(event: Event, stored: SeatingPlan) -> None:
    if event.plan_id is None:
        raise NotReady("The event has no seats yet: make them of the plan.")
    if event.plan_id == stored.pk:
        raise NotReady("The event has this plan already.")
    if event.state == EventState.PUBLISHED:
        raise NotReady("Pause the sale first: nobody should choose seats while they move.")


@occ_retry(repeatable=True)
def start_move(*, job_id: UUID, user: Any, now: datetime) -> BulkJob:
    """Let a previewed move be done. Raises JobNotFound, RoleTooLow, JobStarted and NotReady."""
    job = visible_job(job_id=job_id, user=user, role=Role.MANAGER)
    begin_job(job, now=now)
    assert job.event  # noqa: S101 - such a job has an event
    stored = SeatingPlan.objects.get(pk=job.asked["plan"])
    _check(job.event, stored)
    prices = Prices(by_category=job.asked["prices"])
    made = missing_categories(event=job.event, plan=plan_of(stored), prices=prices)
    PriceCategory.objects.bulk_create(made)
    changes = {"plan": [str(job.event.plan_id), str(stored.pk)], "job": str(job.pk)}
    record(
        organisation_id=job.organisation_id,
        actor=user,
        action="event.plan_moved",
        subject=job.event,
        changes=changes,
        now=now,
    )
    return job


def move_seats(job_id: UUID, clock: Clock) -> None:
    """Move an event's seats batch by batch, and set its plan at the end."""
    job = BulkJob.objects.get(pk=job_id)
    plan = plan_of(SeatingPlan.objects.get(pk=job.asked["plan"]))
    batches = JobBatch.objects.filter(job=job_id, is_done=False).order_by("position")
    for batch_id in list(batches.values_list("pk", flat=True)):
        _move_batch(job_id=job_id, batch_id=batch_id, plan=plan, now=clock())
    _finish(job_id=job_id, now=clock())


@occ_retry(repeatable=True)
def _move_batch(*, job_id: UUID, batch_id: UUID, plan: Plan, now: datetime) -> None:
    job = get_on(job_id, now=now)
    batch = JobBatch.objects.get(pk=batch_id)
    if batch.is_done:
        return
    assert job.event_id  # noqa: S101 - such a job has an event
    planned = {seat.guid: seat for seat in plan.seats}
    there = {
        seat.guid: seat for seat in Seat.objects.filter(event=job.event_id, guid__in=batch.seats)
    }
    results = _added(job.event_id, [planned[g] for g in batch.seats if g not in there], now)
    for guid, seat in there.items():
        results.append(_moved(seat, planned.get(guid), now))
    batch.results = [asdict(result) for result in results if result.outcome != "unchanged"]
    batch.is_done = True
    batch.save(update_fields=["results", "is_done"])
    counted = Counter(
        f"{each.outcome}: {each.reason}" if each.reason else each.outcome for each in results
    )
    add_outcomes(job, counted, done=len(batch.seats))


def _added(event_id: UUID, planned: Sequence[PlannedSeat], now: datetime) -> list[Result]:
    categories = dict(PriceCategory.objects.filter(event=event_id).values_list("name", "pk"))
    made = Seat.objects.bulk_create(
        Seat(
            event_id=event_id,
            category_id=categories[each.category],
            guid=each.guid,
            changed_at=now,
            **{name: getattr(each, name) for name in _FIELDS},
        )
        for each in planned
    )
    return [_result(seat, "added") for seat in made]


def _moved(seat: Seat, planned: PlannedSeat | None, now: datetime) -> Result:
    """Move a seat to where the plan has it, or take it away; one that is taken stays."""
    taken = seat.status == SeatStatus.SOLD or (
        seat.status == SeatStatus.HELD and not seat.is_free(now)
    )
    if planned is None:
        return (
            _removed(seat, now) if not taken else _result(seat, "stays", f"{seat.status}: {GONE}")
        )
    differing = [name for name in _FIELDS if getattr(seat, name) != getattr(planned, name)]
    if not differing:
        return _result(seat, "unchanged")
    if taken and set(differing) - {"x", "y", "position"}:
        return _result(seat, "stays", f"{seat.status}, and its ticket says {seat.label}")
    for name in differing:
        setattr(seat, name, getattr(planned, name))
    seat.changed_at = now
    seat.save(update_fields=[*differing, "changed_at"])
    return _result(seat, "changed")


def _removed(seat: Seat, now: datetime) -> Result:
    if not seat.tickets.exists():
        result = _result(seat, "removed")
        seat.delete()
        return result
    Seat.objects.filter(pk=seat.pk).update(
        status=SeatStatus.BLOCKED, block_reason=GONE, hold=None, held_until=None, changed_at=now
    )
    return _result(seat, "stays", "blocked: somebody had a ticket for it")


def _result(seat: Seat, outcome: str, reason: str = "") -> Result:
    return Result(str(seat.pk), seat.section, seat.row, seat.number, outcome, reason)


@occ_retry(repeatable=True)
def _finish(*, job_id: UUID, now: datetime) -> None:
    job = get_on(job_id, now=now)
    plan_id = UUID(job.asked["plan"])
    events = Event.objects.filter(bulk_jobs=job)
    events.update(plan_id=plan_id, chart_version=F("chart_version") + 1)
