"""Doing things to seats in the tests: through the domain functions, as an organiser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from accounts.models import User
from sales.models import BulkJob, Event, Seat
from sales.organising.operations import Operation
from sales.organising.seat_jobs import plan_seat_job, results_of
from sales.organising.selection import Selection
from sales.organising.working import start_job

__all__ = ["do", "outcomes", "plan", "start"]


def plan(
    event: Event, user: User, operation: Operation, seats: Sequence[Seat] = (), **changes: Any
) -> BulkJob:
    """Preview an operation on some seats; `changes` replace arguments."""
    return plan_seat_job(
        **{
            "event_id": event.pk,
            "user": user,
            "operation": operation,
            "selection": Selection(ids=[seat.pk for seat in seats]),
            "now": timezone.now(),
            **changes,
        }
    )


def start(job: BulkJob, user: User, *, send: Any = lambda job_id: None) -> BulkJob:
    """Start a previewed job."""
    return start_job(job_id=job.pk, user=user, now=timezone.now(), send=send)


def do(event: Event, user: User, operation: Operation, seats: Sequence[Seat]) -> BulkJob:
    """Preview and start an operation that is small enough to be over at once."""
    return start(plan(event, user, operation, seats), user)


def outcomes(job: BulkJob) -> dict[str, tuple[str, str]]:
    """Return outcome and reason by the seat's label."""
    return {
        f"{each['row']}-{each['number']}": (each["outcome"], each["reason"])
        for each in results_of(job)
    }
