"""An event once more, at another time: its rules, prices and plan at once, its seats by a job."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError

from accounts.audit import record
from accounts.models import User
from sales.models import (
    BulkJob,
    Event,
    EventState,
    JobBatch,
    JobKind,
    JobState,
    PresaleCode,
    PriceCategory,
    PriceType,
    Seat,
    SeatStatus,
)
from sales.organising.event_rules import RULES, BadEvent, free_slug
from sales.organising.jobs import Clock, add_outcomes, get_on
from sales.organising.rights import managed_event
from worldseat.dsql.occ import occ_retry

__all__ = ["SourceChanged", "copy_seats", "duplicate_event"]

SEATS_A_BATCH = 500


class SourceChanged(ValueError):
    """The event that is copied was changed meanwhile. Duplicate it once more."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


@occ_retry()
def duplicate_event(
    *,
    event_id: UUID,
    user: Any,
    name: str,
    starts_at: datetime,
    on_sale_at: datetime,
    off_sale_at: datetime,
    with_codes: bool = False,
    now: datetime,
) -> tuple[Event, BulkJob | None]:
    """Make a draft like an event, and the job that copies its seats; no job if it has none.

    Categories, price types and, if asked, presale codes (unused; their times move along) come
    along; blocks and accessible places too, sales and holds do not.

    Raises EventNotFound, RoleTooLow and BadEvent.
    """
    source = managed_event(event_id=event_id, user=user)
    shift = on_sale_at - source.on_sale_at
    rules = {rule: getattr(source, rule) for rule in RULES}
    rules |= {"name": name, "starts_at": starts_at}
    rules |= {"on_sale_at": on_sale_at, "off_sale_at": off_sale_at}
    try:
        if source.fans_cancel_until:
            rules["fans_cancel_until"] = source.fans_cancel_until + (starts_at - source.starts_at)
        windows = [(c, c.valid_from + shift, c.valid_until + shift) for c in source.codes.all()]
    except OverflowError:
        raise BadEvent({"starts_at": ["The time is too far away."]}) from None
    made = Event(
        organisation_id=source.organisation_id,
        venue_id=source.venue_id,
        currency=source.currency,
        is_simulation=source.is_simulation,
        slug=free_slug(source.organisation_id, name),
        state=EventState.DRAFT,
        **rules,
    )
    try:
        made.full_clean()
    except ValidationError as error:
        raise BadEvent(error.message_dict) from None
    made.save()
    categories = _copy_categories(source, made)
    if with_codes:
        for code, start, end in windows:
            code.category = categories[code.category_id] if code.category_id else None
            code.valid_from, code.valid_until = start, end
            _insert(code, event=made, used=0)
    record(
        organisation_id=made.organisation_id,
        actor=user,
        action="event.duplicated",
        subject=made,
        changes={"from": str(source.pk), "name": [source.name, name]},
        now=now,
    )
    return made, _plan_job(source, made, user, now) if source.plan_id else None


def _copy_categories(source: Event, made: Event) -> dict[UUID, PriceCategory]:
    copies = {}
    for category in source.categories.order_by("position"):
        old = category.pk
        types: Sequence[PriceType] = list(category.price_types.all())
        _insert(category, event=made)
        copies[old] = category
        for price_type in types:
            _insert(price_type, category=category)
    return copies


def _insert(row: PriceCategory | PriceType | PresaleCode, **changes: Any) -> None:
    """Write a row once more, as a new one."""
    row.pk = row._meta.pk.get_default()
    row._state.adding = True
    for name, value in changes.items():
        setattr(row, name, value)
    row.save(force_insert=True)


def _plan_job(source: Event, made: Event, user: Any, now: datetime) -> BulkJob:
    ids = [str(pk) for pk in source.seats.in_order().values_list("pk", flat=True)]
    job = BulkJob.objects.create(
        organisation_id=made.organisation_id,
        event=made,
        kind=JobKind.COPY_SEATS,
        title=f"Copy the seats of {source.name}: {len(ids):,} seats"[:300],
        asked={"source": str(source.pk), "plan": str(source.plan_id)},
        state=JobState.WAITING,
        total=len(ids),
        started_by=user if isinstance(user, User) else None,
        created_at=now,
        started_at=now,
        beat_at=now,
    )
    JobBatch.objects.bulk_create(
        JobBatch(job=job, position=at, seats=ids[first : first + SEATS_A_BATCH])
        for at, first in enumerate(range(0, len(ids), SEATS_A_BATCH))
    )
    return job


def copy_seats(job_id: UUID, clock: Clock) -> None:
    """Copy an event's seats batch by batch; set the new event's plan when all are there."""
    batches = JobBatch.objects.filter(job=job_id, is_done=False).order_by("position")
    for batch_id in list(batches.values_list("pk", flat=True)):
        _copy_batch(job_id=job_id, batch_id=batch_id, now=clock())
    _finish(job_id=job_id, now=clock())


@occ_retry(repeatable=True)
def _copy_batch(*, job_id: UUID, batch_id: UUID, now: datetime) -> None:
    job = get_on(job_id, now=now)
    batch = JobBatch.objects.get(pk=batch_id)
    if batch.is_done:
        return
    assert job.event_id  # noqa: S101 - such a job has an event
    categories = dict(PriceCategory.objects.filter(event=job.event_id).values_list("name", "pk"))
    sources = Seat.objects.filter(event=job.asked["source"], pk__in=batch.seats)
    found = list(sources.select_related("category"))
    if any(seat.category.name not in categories for seat in found):
        raise SourceChanged
    Seat.objects.bulk_create(
        _copy_of(seat, job.event_id, categories[seat.category.name], now) for seat in found
    )
    batch.is_done = True
    batch.save(update_fields=["is_done"])
    add_outcomes(job, {"added": len(found)}, done=len(batch.seats))


def _copy_of(seat: Seat, event_id: UUID, category_id: UUID, now: datetime) -> Seat:
    blocked = seat.status == SeatStatus.BLOCKED
    return Seat(
        event_id=event_id,
        category_id=category_id,
        guid=seat.guid,
        section=seat.section,
        row=seat.row,
        number=seat.number,
        x=seat.x,
        y=seat.y,
        position=seat.position,
        accessible=seat.accessible,
        status=SeatStatus.BLOCKED if blocked else SeatStatus.AVAILABLE,
        block_reason=seat.block_reason if blocked else "",
        changed_at=now,
    )


@occ_retry(repeatable=True)
def _finish(*, job_id: UUID, now: datetime) -> None:
    """Set the plan, if the seats are those of the source: from now on they count."""
    job = get_on(job_id, now=now)
    source = Event.objects.filter(pk=job.asked["source"]).first()
    if source is None or str(source.plan_id) != job.asked["plan"]:
        raise SourceChanged
    if Seat.objects.filter(event=job.event_id).count() != source.seats.count():
        raise SourceChanged
    source_plan = source.plan_id
    Event.objects.filter(bulk_jobs=job).update(plan_id=source_plan)
