"""Long work in batches: who takes a job up, how it goes on after a kill, how it ends.

A worker claims a job by writing itself and the time into its row, and writes the time again with
each batch. One that has not been heard of for `STALE` has died, and anybody may take the job up:
the batches say how far it is. Two that are at one job all the same do no harm, as each batch is
one transaction that looks whether it was done already.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db.models import F, Q
from django.utils import timezone

from accounts.models import Role
from sales.models import UNFINISHED_JOBS, BulkJob, JobKind, JobState
from sales.organising.rights import visible_job
from sales.plans import Refused
from worldseat.dsql.occ import occ_retry

__all__ = [
    "AT_ONCE",
    "MOST_TAKES",
    "STALE",
    "Clock",
    "JobStarted",
    "JobStopped",
    "Send",
    "Work",
    "abandoned_jobs",
    "add_outcomes",
    "begin_job",
    "discard_job",
    "end_job",
    "get_on",
    "is_small",
    "run_job",
    "stop_job",
]

logger = logging.getLogger(__name__)

# Up to so many seats are changed while the organiser waits.
AT_ONCE = 300
# And so many orders refunded: a payment provider is asked for each.
ORDERS_AT_ONCE = 10
STALE = timedelta(seconds=30)
# A job that kills its worker each time is given up.
MOST_TAKES = 20

Clock = Callable[[], datetime]
Send = Callable[[str], object]
Work = Callable[[UUID, Clock], None]
"""Does a job from where it is to its end; raises JobStopped, and what the domain refuses."""


class JobStarted(Exception):
    """The job was started, stopped or discarded already."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class JobStopped(Exception):
    """The job is not to go on: somebody stopped it."""


def is_small(job: BulkJob) -> bool:
    """Tell whether a job is done while one waits."""
    return job.total <= (ORDERS_AT_ONCE if job.kind == JobKind.REFUND_ORDERS else AT_ONCE)


def begin_job(job: BulkJob, *, now: datetime) -> None:
    """Let a preview be worked on, in the caller's transaction; raises JobStarted."""
    if job.state != JobState.PREVIEW:
        raise JobStarted
    job.state = JobState.WAITING
    job.started_at = now
    # Whoever looks for abandoned jobs waits a while for the worker it was sent to.
    job.beat_at = now
    job.save(update_fields=["state", "started_at", "beat_at"])


@occ_retry(repeatable=True)
def discard_job(*, job_id: UUID, user: Any) -> None:
    """Delete a preview; raises JobNotFound, RoleTooLow and JobStarted."""
    job = visible_job(job_id=job_id, user=user, role=Role.MANAGER)
    if job.state != JobState.PREVIEW:
        raise JobStarted
    job.delete()


@occ_retry(repeatable=True)
def stop_job(*, job_id: UUID, user: Any, now: datetime) -> BulkJob:
    """Let a job go no further; what is done stays done. Raises JobNotFound, RoleTooLow."""
    job = visible_job(job_id=job_id, user=user, role=Role.MANAGER)
    if job.state in UNFINISHED_JOBS:
        job.state = JobState.STOPPED
        job.message = f"Stopped by {user}."
        job.finished_at = now
        job.save(update_fields=["state", "message", "finished_at"])
    return job


def run_job(*, job_id: UUID, works: Mapping[str, Work], clock: Clock = timezone.now) -> None:
    """Do a job, or what is left of it; do nothing if it is over or another worker is at it.

    `works` has what does each kind. What the domain refuses ends the job, with its message; an
    unforeseen error leaves it to be taken up again.
    """
    job = _claim(job_id=job_id, worker=uuid4(), now=clock())
    if job is None:
        return
    try:
        works[job.kind](job_id, clock)
    except JobStopped:
        return
    except (ValueError, LookupError, Refused) as error:
        # What the domain refuses says why, and would be refused the next time too.
        logger.warning("job %s failed: %s", job_id, error)
        end_job(job_id=job_id, state=JobState.FAILED, message=str(error), now=clock())
        return
    end_job(job_id=job_id, state=JobState.DONE, message="", now=clock())


@occ_retry(repeatable=True)
def _claim(*, job_id: UUID, worker: UUID, now: datetime) -> BulkJob | None:
    job = BulkJob.objects.filter(pk=job_id).first()
    if job is None or job.state not in UNFINISHED_JOBS:
        return None
    alive = job.beat_at is not None and now - job.beat_at < STALE
    if job.state == JobState.RUNNING and job.worker != worker and alive:
        return None
    job.takes += 1
    job.worker = worker
    job.beat_at = now
    job.state = JobState.RUNNING
    if job.takes > MOST_TAKES:
        job.state = JobState.FAILED
        job.message = f"Given up: no worker came to its end in {MOST_TAKES} runs."
        job.finished_at = now
    job.save(update_fields=["takes", "worker", "beat_at", "state", "message", "finished_at"])
    return job if job.state == JobState.RUNNING else None


def get_on(job_id: UUID, *, now: datetime) -> BulkJob:
    """Read a job that is being done, and say that somebody is at it; raises JobStopped.

    In the transaction of a batch: it writes the job's row, so of two workers one runs again.
    """
    job = BulkJob.objects.filter(pk=job_id).first()
    if job is None or job.state != JobState.RUNNING:
        raise JobStopped
    BulkJob.objects.filter(pk=job_id).update(beat_at=now)
    return job


def add_outcomes(job: BulkJob, outcomes: Mapping[str, int], *, done: int) -> None:
    """Count what a batch came to, in its transaction; `get_on` has read the job there."""
    for name, number in outcomes.items():
        job.report[name] = job.report.get(name, 0) + number
    BulkJob.objects.filter(pk=job.pk).update(done=F("done") + done, report=job.report)


@occ_retry(repeatable=True)
def end_job(*, job_id: UUID, state: JobState, message: str, now: datetime) -> None:
    """End a job that is being done; one that was stopped meanwhile stays so."""
    running = BulkJob.objects.filter(pk=job_id, state=JobState.RUNNING)
    running.update(state=state, message=message, finished_at=now, beat_at=now)


@occ_retry(repeatable=True)
def abandoned_jobs(*, now: datetime) -> list[UUID]:
    """Return the jobs that were started and that nobody has been at for STALE."""
    silent = Q(beat_at__isnull=True) | Q(beat_at__lt=now - STALE)
    jobs = BulkJob.objects.filter(silent, state__in=UNFINISHED_JOBS)
    return list(jobs.order_by("beat_at").values_list("pk", flat=True)[:100])
