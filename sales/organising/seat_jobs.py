"""An operation on selected seats: previewed, then done in batches, with a result for each seat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import OperationalError

from accounts.audit import record
from accounts.models import Role, User
from sales.models import BulkJob, Event, JobBatch, JobKind, PriceCategory, Seat
from sales.organising.jobs import Clock, add_outcomes, begin_job, get_on
from sales.organising.operations import (
    Operation,
    OperationKind,
    Result,
    carry_out,
    judge,
    title_of,
)
from sales.organising.rights import managed_event, visible_job
from sales.organising.selection import Selection, resolve
from sales.plans.prices import HIGHEST_PRICE
from worldseat.dsql.occ import is_conflict, occ_retry

__all__ = [
    "SEATS_A_BATCH",
    "BadOperation",
    "NothingSelected",
    "plan_seat_job",
    "preview_of",
    "results_of",
    "start_seat_job",
    "work_on_seats",
]

# A seat given away is three rows; DSQL changes 3,000 in a transaction.
SEATS_A_BATCH = 500


_ACTS = {
    OperationKind.PAINT: "seats.painted",
    OperationKind.BLOCK: "seats.blocked",
    OperationKind.RELEASE: "seats.released",
    OperationKind.ACCESSIBLE: "seats.marked_accessible",
    OperationKind.NOT_ACCESSIBLE: "seats.unmarked_accessible",
    OperationKind.COMP: "seats.comped",
    OperationKind.REPRICE: "category.repriced",
}


class BadOperation(ValueError):
    """The operation lacks something, or has something that cannot be."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


class NothingSelected(ValueError):
    """No seat is selected. Nothing was changed."""

    def __init__(self, unknown: Sequence[str] = ()) -> None:
        listed = "; ".join(unknown)
        super().__init__(
            f"No seat is selected. {listed}{'. ' if listed else ''}Nothing was changed."
        )
        self.unknown = list(unknown)


@occ_retry(repeatable=True)
def plan_seat_job(
    *, event_id: UUID, user: Any, operation: Operation, selection: Selection, now: datetime
) -> BulkJob:
    """Write down what is to be done to which seats; nothing is changed until it is started.

    Raises EventNotFound, RoleTooLow, BadOperation, BadFilter and NothingSelected. Repeated
    after a lost COMMIT, a preview may be left that nobody starts.
    """
    event = managed_event(event_id=event_id, user=user)
    category = _checked(operation, event)
    if operation.kind == OperationKind.REPRICE:
        ids, unknown = list(_seats_of(category)), []
    else:
        selected = resolve(event, selection, now=now)
        ids, unknown = selected.ids, selected.unknown
        if not ids:
            raise NothingSelected(unknown)
    job = BulkJob.objects.create(
        organisation_id=event.organisation_id,
        event=event,
        kind=JobKind.SEATS,
        title=title_of(operation, event, category, len(ids))[:300],
        asked={"operation": operation.as_json(), "unknown": unknown},
        total=len(ids),
        started_by=user if isinstance(user, User) else None,
        created_at=now,
    )
    JobBatch.objects.bulk_create(
        JobBatch(job=job, position=at, seats=[str(pk) for pk in ids[first : first + SEATS_A_BATCH]])
        for at, first in enumerate(range(0, len(ids), SEATS_A_BATCH))
    )
    return job


def _seats_of(category: PriceCategory | None) -> Iterator[UUID]:
    seats = Seat.objects.filter(category=category).in_order()
    return iter(seats.values_list("pk", flat=True))


def _checked(operation: Operation, event: Event) -> PriceCategory | None:
    """Check what an operation is to be done with; return the category it names."""
    if operation.kind == OperationKind.COMP:
        try:
            validate_email(operation.email)
        except ValidationError:
            raise BadOperation("email", "Give an e-mail address: who gets them?") from None
    if operation.kind == OperationKind.BLOCK and not operation.reason.strip():
        raise BadOperation("reason", "Give a reason, such as: camera, sightline, sponsor.")
    if not 0 <= operation.price_minor <= HIGHEST_PRICE:
        raise BadOperation("price_minor", f"The price is from 0 to {HIGHEST_PRICE} minor units.")
    if operation.kind not in {OperationKind.PAINT, OperationKind.REPRICE}:
        return None
    known = {str(each.pk): each for each in event.categories.all()}
    found = known.get(operation.category)
    if found is None:
        raise BadOperation("category", "Choose one of the event's price categories.")
    return found


@occ_retry(repeatable=True)
def preview_of(*, job_id: UUID, user: Any, now: datetime) -> dict[str, int]:
    """Count what a job would come to if it were done now: by outcome, and by reason of refusal.

    Raises JobNotFound.
    """
    job = visible_job(job_id=job_id, user=user)
    assert job.event  # noqa: S101 - a seat job has an event
    operation = Operation(**job.asked["operation"])
    counts: Counter[str] = Counter()
    for batch in job.batches.order_by("position"):
        seats = _load(job.event_id, batch.seats)
        for seat_id in batch.seats:
            seat = seats.get(seat_id)
            outcome, reason = (
                judge(operation, job.event, seat, now=now)
                if seat
                else ("refused", "the seat is gone")
            )
            counts[f"{outcome}: {reason}" if reason else str(outcome)] += 1
    return dict(counts)


@occ_retry(repeatable=True)
def start_seat_job(*, job_id: UUID, user: Any, now: datetime) -> BulkJob:
    """Let a previewed job be done, and write it into the audit log.

    Raises JobNotFound, RoleTooLow and JobStarted.
    """
    job = visible_job(job_id=job_id, user=user, role=Role.MANAGER)
    begin_job(job, now=now)
    operation = Operation(**job.asked["operation"])
    if operation.kind == OperationKind.COMP:
        job.asked["operation"]["fan"] = str(_fan(operation.email).pk)
        job.save(update_fields=["asked"])
    changes: dict[str, Any] = {**job.asked["operation"], "seats": job.total, "job": str(job.pk)}
    if operation.kind == OperationKind.REPRICE:
        changes["price_minor"] = [_set_price(operation), operation.price_minor]
    assert job.event  # noqa: S101 - a seat job has an event
    record(
        organisation_id=job.organisation_id,
        actor=user,
        action=_ACTS[OperationKind(operation.kind)],
        subject=job.event,
        changes=changes,
        now=now,
    )
    return job


def _set_price(operation: Operation) -> int:
    category = PriceCategory.objects.get(pk=operation.category)
    before = category.price_minor
    category.price_minor = operation.price_minor
    category.save(update_fields=["price_minor"])
    return before


def _fan(email: str) -> User:
    """Return who has an e-mail address, or an account that she can make her own later."""
    address = email.strip().lower()
    found = User.objects.filter(email=address).first()
    return found or User.objects.create_user(address)


def work_on_seats(job_id: UUID, clock: Clock) -> None:
    """Do a seat job from where it is to its end, batch by batch."""
    batches = JobBatch.objects.filter(job=job_id, is_done=False).order_by("position")
    for batch_id in list(batches.values_list("pk", flat=True)):
        size = SEATS_A_BATCH
        left = 1
        while left:
            try:
                left = _do_some(job_id=job_id, batch_id=batch_id, size=size, now=clock())
            except OperationalError as error:
                if not is_conflict(error) or size == 1:
                    raise
                # Seats sell too fast for so many at once.
                size = max(1, size // 5)


@occ_retry(repeatable=True)
def _do_some(*, job_id: UUID, batch_id: UUID, size: int, now: datetime) -> int:
    """Do the next seats of a batch, with their results, and return how many are left in it.

    Looks how far the batch is, in the same transaction: so each seat is done once.
    """
    job = get_on(job_id, now=now)
    batch = JobBatch.objects.get(pk=batch_id)
    at = len(batch.results)
    ids = batch.seats[at : at + size]
    if ids:
        results = _results(job, ids, now)
        batch.results += [asdict(result) for result in results]
        add_outcomes(job, Counter(_counted(each) for each in results), done=len(ids))
    batch.is_done = len(batch.results) >= len(batch.seats)
    batch.save(update_fields=["results", "is_done"])
    return len(batch.seats) - len(batch.results)


def _results(job: BulkJob, ids: Sequence[str], now: datetime) -> list[Result]:
    assert job.event_id  # noqa: S101 - a seat job has an event
    event = Event.objects.get(pk=job.event_id)
    seats = _load(job.event_id, ids)
    there = [seats[each] for each in ids if each in seats]
    done = carry_out(Operation(**job.asked["operation"]), event, there, now=now)
    by_seat = {result.seat: result for result in done}
    return [by_seat.get(each) or Result.of_missing(each) for each in ids]


def _load(event_id: UUID | None, ids: Sequence[str]) -> dict[str, Seat]:
    seats = Seat.objects.filter(event=event_id, pk__in=ids).select_related("category")
    return {str(seat.pk): seat for seat in seats}


def _counted(result: Result) -> str:
    return f"{result.outcome}: {result.reason}" if result.reason else result.outcome


def results_of(job: BulkJob) -> Iterator[dict[str, str]]:
    """Yield the result of each seat so far, batch by batch."""
    for position in range(job.batches.count()):
        batch = job.batches.filter(position=position).first()
        yield from batch.results if batch else ()
