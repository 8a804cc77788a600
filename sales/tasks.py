"""Celery tasks: load by id, one domain call.

`stampede` goes to any worker, a region's share to the region's own queue. A watch on each
region's queue settles the stampede when the other region's worker has died: on the common queue
the dead worker might hold the only one.
"""

from __future__ import annotations

from contextlib import suppress
from threading import Lock
from uuid import UUID

from django.utils import timezone

from accounts.scopes import everywhere, in_scope_of
from sales import following_up, offering, refunds
from sales.holds import tidy_holds
from sales.models import BulkJob, Event, Stampede
from sales.organising import event_refunds
from sales.organising.working import resume_jobs, work
from sales.stampede.contenders import Unavailable
from sales.stampede.faults import end_faults
from sales.stampede.runner import run_share
from sales.stampede.settling import SETTLED, prepare_stampede, settle, start_stampede
from sales.stampede.staging import controls
from sales.telling import delivering, draining, mailing
from worldseat.celery import app

__all__ = [
    "bulk_job",
    "complete_refunds",
    "deliver_webhooks",
    "drain_outbox",
    "offer_returned_seats",
    "offer_what_came_back",
    "refund_late_orders",
    "resume_bulk_jobs",
    "send_mails",
    "settle_payments",
    "stampede",
    "stampede_region",
    "stampede_watch",
    "tidy",
    "tidy_outbox",
]

_delivering = Lock()
_mailing = Lock()

_WATCH_SECONDS = 3
# A stampede that runs longer is settled by who looks at it.
_WATCHES = 400


@app.task(name="sales.settle_payments")
@everywhere()
def settle_payments() -> None:
    """Go on with payments that were left behind (beat)."""
    following_up.settle_payments()


@app.task(name="sales.complete_refunds")
@everywhere()
def complete_refunds() -> None:
    """Ask again for refunds that got no answer (beat)."""
    refunds.complete_refunds()


@app.task(name="sales.refund_late_orders")
@everywhere()
def refund_late_orders() -> None:
    """Refund what was paid after a cancelled event's refunds were done (beat)."""
    event_refunds.refund_late_orders()


@app.task(name="sales.drain_outbox")
@everywhere()
def drain_outbox() -> None:
    """Make deliveries of what has happened (beat, and `outbox.wake`), and have them sent."""
    if draining.drain():
        deliver_webhooks.apply_async(expires=60, retry=False)
        send_mails.apply_async(expires=60, retry=False)


@app.task(name="sales.send_mails")
@everywhere()
def send_mails() -> None:
    """Send fans the mails that are due (beat); one run a process."""
    if _mailing.acquire(blocking=False):
        try:
            mailing.write_mailings()
            mailing.send_mails()
        finally:
            _mailing.release()


@app.task(name="sales.deliver_webhooks")
@everywhere()
def deliver_webhooks() -> None:
    """Deliver the webhooks that are due (beat); one run a process, which does several at once."""
    if _delivering.acquire(blocking=False):
        try:
            delivering.deliver()
        finally:
            _delivering.release()


@app.task(name="sales.tidy_outbox")
@everywhere()
def tidy_outbox() -> None:
    """Delete what was told long ago (beat)."""
    draining.tidy_outbox(now=timezone.now())


@app.task(name="sales.offer_returned_seats")
def offer_returned_seats(event_id: str) -> None:
    """Offer seats that came back to an event's waitlist."""
    with in_scope_of(Event, event_id):
        offering.offer_returned_seats(event_id=UUID(event_id), now=timezone.now())


@app.task(name="sales.offer_what_came_back")
@everywhere()
def offer_what_came_back() -> None:
    """Offer seats that came back or whose hold ran out, of every event (beat)."""
    offering.offer_what_came_back(now=timezone.now())


@app.task(name="sales.tidy_holds")
@everywhere()
def tidy() -> None:
    """End holds that have expired (beat); nothing depends on it."""
    tidy_holds(now=timezone.now())


@app.task(name="sales.bulk_job")
def bulk_job(job_id: str) -> None:
    """Do a job on many seats, or what is left of it."""
    with in_scope_of(BulkJob, job_id):
        work(job_id=UUID(job_id))


@app.task(name="sales.resume_bulk_jobs")
@everywhere()
def resume_bulk_jobs() -> None:
    """Take up jobs whose workers have died (beat)."""
    resume_jobs(now=timezone.now(), send=bulk_job.delay)


@app.task(name="sales.stampede")
def stampede(stampede_id: str) -> None:
    """Make the store, send each region its share; they agree on the instant when all are ready."""
    with in_scope_of(Stampede, stampede_id):
        prepare_stampede(stampede_id=UUID(stampede_id))
        regions = start_stampede(stampede_id=UUID(stampede_id), now=timezone.now())
    for region in regions:
        stampede_region.apply_async((stampede_id, region), queue=region)
        _watch_later(stampede_id, region, _WATCHES)


@app.task(name="sales.stampede_region")
def stampede_region(stampede_id: str, region: str) -> None:
    """Run a region's buyers, in a worker of that region."""
    with in_scope_of(Stampede, stampede_id):
        run_share(stampede_id=UUID(stampede_id), region=region)


@app.task(name="sales.stampede_watch")
def stampede_watch(stampede_id: str, region: str, left: int) -> None:
    """Settle the stampede if it is over, and end its faults, or look again in a while."""
    with in_scope_of(Stampede, stampede_id):
        found = settle(stampede_id=UUID(stampede_id), now=timezone.now())
    if found and found.state in SETTLED:
        with everywhere(), suppress(Unavailable):
            end_faults(found, controls)
    elif found and left > 0:
        _watch_later(stampede_id, region, left - 1)


def _watch_later(stampede_id: str, region: str, left: int) -> None:
    stampede_watch.apply_async((stampede_id, region, left), queue=region, countdown=_WATCH_SECONDS)
