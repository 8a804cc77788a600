"""Large work: in batches, resumed after a kill, each seat once, stopped when asked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import Organisation, User
from sales.models import BulkJob, Event, JobState, Order, Seat, SeatStatus, Ticket
from sales.organising import operations, seat_jobs
from sales.organising.jobs import JobStarted, abandoned_jobs, discard_job, stop_job
from sales.organising.operations import Operation
from sales.organising.rights import JobNotFound
from sales.organising.seat_jobs import results_of
from sales.organising.working import resume_jobs, work
from sales.purchases import purchase
from sales.seats import SeatTaken
from tests.helpers.bulk_jobs import plan, start
from tests.helpers.cast import at_once, make_event, make_fans

pytestmark = pytest.mark.django_db(transaction=True)

BLOCK = Operation(kind="block", reason="Camera")


class Killed(BaseException):
    """Ends a worker as a kill does: nothing after it runs."""


@pytest.fixture
def hall(acme: Organisation) -> Event:
    """400 seats: more than are changed at once."""
    return make_event(acme, rows="ABCDEFGH", seats_a_row=50)


@pytest.fixture
def job(hall: Event, alice: User, monkeypatch: pytest.MonkeyPatch) -> BulkJob:
    """A job that blocks them all, in four batches, waiting for a worker."""
    monkeypatch.setattr(seat_jobs, "SEATS_A_BATCH", 100)
    return start(plan(hall, alice, BLOCK, list(hall.seats.in_order())), alice)


def kill_after(batches: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the worker die in the transaction of the batch after these."""
    real, left = operations.carry_out, batches

    def dying(*args: Any, **kwargs: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed
        return real(*args, **kwargs)

    monkeypatch.setattr(seat_jobs, "carry_out", dying)


def later() -> datetime:
    return timezone.now() + timedelta(minutes=5)


def test_hands_a_large_one_to_the_workers(job: BulkJob, hall: Event, alice: User) -> None:
    assert job.state == JobState.WAITING
    assert not hall.seats.filter(status=SeatStatus.BLOCKED).exists()
    work(job_id=job.pk)
    job.refresh_from_db()
    assert (job.state, job.done, job.total) == (JobState.DONE, 400, 400)
    assert job.report == {"changed": 400}
    assert hall.seats.filter(status=SeatStatus.BLOCKED).count() == 400


def test_goes_on_where_a_killed_worker_was(
    job: BulkJob, hall: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_after(2, monkeypatch)
    with pytest.raises(Killed):
        work(job_id=job.pk)
    job.refresh_from_db()
    assert (job.state, job.done) == (JobState.RUNNING, 200)
    assert hall.seats.filter(status=SeatStatus.BLOCKED).count() == 200
    monkeypatch.undo()
    sent: list[str] = []
    assert resume_jobs(now=timezone.now(), send=sent.append) == 0  # it may be alive
    assert resume_jobs(now=later(), send=sent.append) == 1
    assert sent == [str(job.pk)]
    work(job_id=job.pk, clock=later)
    job.refresh_from_db()
    assert (job.state, job.done) == (JobState.DONE, 400)
    seats = [each["seat"] for each in results_of(job)]
    assert len(seats) == len(set(seats)) == 400
    assert abandoned_jobs(now=later()) == []


def test_does_each_seat_once_when_two_workers_are_at_it(job: BulkJob, hall: Event) -> None:
    operation = {"kind": "comp", "email": "guest@example.com", "fan": str(make_fans(1)[0].pk)}
    BulkJob.objects.filter(pk=job.pk).update(asked={"operation": operation})
    BulkJob.objects.filter(pk=job.pk).update(beat_at=None)
    # The second one's clock makes it believe that the first has died.
    told = at_once([partial(work, job_id=job.pk), partial(work, job_id=job.pk, clock=later)])
    assert told == [None, None]
    job.refresh_from_db()
    assert (job.state, job.done, job.report) == (JobState.DONE, 400, {"changed": 400})
    assert Ticket.objects.count() == 400
    assert Order.objects.count() == 4  # one a batch


def test_loses_to_buyers_seat_by_seat(job: BulkJob, hall: Event) -> None:
    seats, fans = list(hall.seats.in_order()[:20]), make_fans(20)

    def buy(seat: Seat, fan: User) -> object:
        return purchase(
            event_id=hall.pk,
            seat_id=seat.pk,
            fan_id=fan.pk,
            region="us-east-1",
            now=timezone.now(),
        )

    calls: list[Callable[[], object]] = [partial(work, job_id=job.pk)]
    calls += [partial(buy, seat, fan) for seat, fan in zip(seats, fans, strict=True)]
    told = at_once(calls)
    bought = sum(isinstance(each, Order) for each in told)
    assert bought + sum(isinstance(each, SeatTaken) for each in told) == 20
    job.refresh_from_db()
    assert job.state == JobState.DONE
    assert job.report.get("refused: sold", 0) == bought
    assert job.report["changed"] == 400 - bought
    assert hall.seats.filter(status=SeatStatus.SOLD).count() == bought == Ticket.objects.count()


def test_stops_when_asked(
    job: BulkJob, hall: Event, alice: User, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_after(1, monkeypatch)
    with pytest.raises(Killed):
        work(job_id=job.pk)
    monkeypatch.undo()
    stop_job(job_id=job.pk, user=alice, now=now)
    work(job_id=job.pk, clock=later)
    job.refresh_from_db()
    assert (job.state, job.done) == (JobState.STOPPED, 100)
    assert hall.seats.filter(status=SeatStatus.BLOCKED).count() == 100


def test_starts_once(job: BulkJob, alice: User) -> None:
    with pytest.raises(JobStarted):
        start(job, alice)
    with pytest.raises(JobStarted):
        discard_job(job_id=job.pk, user=alice)


def test_shows_and_stops_nothing_of_another_organisation(
    job: BulkJob, charlie: User, now: datetime
) -> None:
    with pytest.raises(JobNotFound):
        stop_job(job_id=job.pk, user=charlie, now=now)
    with pytest.raises(JobNotFound):
        start(job, charlie)
    job.refresh_from_db()
    assert job.state == JobState.WAITING


def test_passes_over_a_job_that_is_not_there() -> None:
    work(job_id=uuid4())
