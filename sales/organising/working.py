"""Who does a job: the request itself where it is small, else a worker; beat sends those left."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone
from kombu.exceptions import OperationalError

from sales.models import BulkJob, JobKind
from sales.organising.event_copies import copy_seats
from sales.organising.event_refunds import refund_orders
from sales.organising.jobs import Clock, Send, Work, abandoned_jobs, is_small, run_job
from sales.organising.making_seats import make_seats
from sales.organising.moving_seats import move_seats, start_move
from sales.organising.rights import visible_job
from sales.organising.seat_jobs import start_seat_job, work_on_seats

__all__ = ["WORKS", "resume_jobs", "set_going", "start_job", "work"]

logger = logging.getLogger(__name__)

WORKS: Mapping[str, Work] = {
    JobKind.SEATS: work_on_seats,
    JobKind.COPY_SEATS: copy_seats,
    JobKind.MAKE_SEATS: make_seats,
    JobKind.MOVE_SEATS: move_seats,
    JobKind.REFUND_ORDERS: refund_orders,
}


def start_job(*, job_id: UUID, user: Any, now: datetime, send: Send) -> BulkJob:
    """Start a previewed job: a small one is over when this returns, a large one is sent off.

    `send` hands its id to the workers; where it cannot, the job waits until beat finds it.
    Raises JobNotFound, RoleTooLow, JobStarted, and NotReady for a move that cannot be any more.
    """
    kind = visible_job(job_id=job_id, user=user).kind
    begin = start_move if kind == JobKind.MOVE_SEATS else start_seat_job
    job = begin(job_id=job_id, user=user, now=now)
    set_going(job, send=send)
    return visible_job(job_id=job_id, user=user)


def set_going(job: BulkJob, *, send: Send) -> None:
    """Do a job that was begun if it is small, or hand it to the workers."""
    if is_small(job):
        work(job_id=job.pk)
        return
    try:
        send(str(job.pk))
    except OperationalError:
        logger.warning("job %s waits: the broker cannot be reached", job.pk)


def work(*, job_id: UUID, clock: Clock = timezone.now) -> None:
    """Do a job, or what is left of it."""
    run_job(job_id=job_id, works=WORKS, clock=clock)


def resume_jobs(*, now: datetime, send: Send) -> int:
    """Hand the jobs whose workers have died to others; return how many."""
    left = abandoned_jobs(now=now)
    for job_id in left:
        send(str(job_id))
    return len(left)
