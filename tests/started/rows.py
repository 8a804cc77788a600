"""For each task: rows that it looks at, one of each kind, and how to tell that it has.

A new task needs an entry at the end of this module, by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.core import mail
from django.utils import timezone

from accounts.models import Organisation, User
from sales import tasks
from sales.models import (
    BulkJob,
    DeliveryState,
    EntryState,
    Event,
    EventKind,
    EventState,
    Hold,
    HoldState,
    JobState,
    Mailing,
    Order,
    OrderMailState,
    OrderState,
    OutboxEvent,
    Payment,
    Refund,
    Seat,
    SeatStatus,
    Stampede,
    WebhookDelivery,
    WebhookEndpoint,
)
from sales.offering import offer_returned_seats
from sales.orders import PaymentUnsettled
from sales.organising.event_refunds import begin_refunds
from sales.organising.operations import Operation
from sales.organising.working import work
from sales.outbox import event_changed, write
from sales.settlement import UNSETTLED
from sales.stampede.options import Options
from sales.stampede.plan import plan_stampede
from sales.stampede.settling import SETTLED
from sales.telling.draining import drain
from sales.waitlist import WaitlistRules, enlist, set_waitlist
from tests.helpers.bulk_jobs import plan, start
from tests.helpers.cast import make_event, make_user
from tests.helpers.payments import hold, paid, pay
from tests.helpers.purchases import buy
from tests.helpers.returns import cancel
from worldseat.mail import send_mail_later

__all__ = ["BY_BEAT", "BY_OTHERS", "FOLLOWING", "Check", "Scene"]

LONG_AGO, SECOND = timedelta(days=40), timedelta(seconds=1)
Check = Callable[[], bool]


@dataclass
class Scene:
    """Whose rows they are."""

    acme: Organisation
    alice: User
    now: datetime

    def seats(self, **of_event: Any) -> list[Seat]:
        """Make an event of acme's; return its seats."""
        event = make_event(self.acme, **of_event)
        return list(event.seats.select_related("event", "category").in_order())


def _holds(scene: Scene) -> Check:
    """Two that have expired: one with its state, one that was ended when a limit was counted."""
    seats = scene.seats()
    active, ended = (hold([seat], make_user()) for seat in seats[:2])
    over = scene.now - timedelta(minutes=1)
    Hold.objects.filter(pk__in=[active.pk, ended.pk]).update(expires_at=over)
    Hold.objects.filter(pk=ended.pk).update(state=HoldState.EXPIRED)
    Seat.objects.filter(event=seats[0].event, status=SeatStatus.HELD).update(held_until=over)
    held = Seat.objects.filter(event=seats[0].event, status=SeatStatus.HELD)
    return lambda: not held.exists() and _state(active) == HoldState.EXPIRED


def _waitlist(scene: Scene) -> Check:
    """One who has missed an offer, and the next in line."""
    seats = scene.seats()
    event, one = seats[0].event, Seat.objects.filter(pk=seats[0].pk)
    before = scene.now - timedelta(minutes=1)
    event.seats.update(status=SeatStatus.SOLD, changed_at=before)
    set_waitlist(event_id=event.pk, rules=WaitlistRules(is_on=True), now=before)
    first, second = (
        enlist(event_id=event.pk, fan_id=make_user().pk, quantity=1, now=before + at * SECOND)
        for at in range(2)
    )
    one.update(status=SeatStatus.AVAILABLE)
    assert offer_returned_seats(event_id=event.pk, now=scene.now) == 1
    Hold.objects.filter(event=event).update(expires_at=scene.now)
    one.update(held_until=scene.now)
    return lambda: [_state(first), _state(second)] == [EntryState.MISSED, EntryState.OFFERED]


def _payments(scene: Scene) -> Check:
    """An order whose request died, and a capture that got no answer."""
    seats, fan = scene.seats(), make_user()
    with pytest.raises(PaymentUnsettled):
        pay(hold(seats[:1], fan), fan, token="tok_late")
    paid(seats[1:2], make_user(), "tok_capture_late")
    payments = Payment.objects.filter(order__event=seats[0].event, state__in=UNSETTLED)
    assert payments.update(changed_at=scene.now - timedelta(minutes=1)) == 2
    return lambda: not payments.exists()


def _refunds(scene: Scene) -> Check:
    """A refund that got no answer."""
    seats = scene.seats(fans_cancel_until=scene.now + timedelta(days=1))
    cancel(paid(seats[:1], make_user(), "tok_refund_late"))
    refunds = Refund.objects.filter(order__event=seats[0].event, state="pending")
    assert refunds.update(changed_at=scene.now - timedelta(minutes=1)) == 1
    return lambda: not refunds.exists()


def _late_orders(scene: Scene) -> Check:
    """An order that was paid behind the back of its cancelled event's refunds."""
    seats = scene.seats(state=EventState.CANCELLED)
    event = Event.objects.filter(pk=seats[0].event_id)
    work(job_id=begin_refunds(event_id=event.get().pk, user=scene.alice, now=scene.now).pk)
    event.update(state=EventState.PUBLISHED)
    late = paid(seats[:1], make_user())
    event.update(state=EventState.CANCELLED)
    return lambda: _state(late) == OrderState.CANCELLED


def _outbox(scene: Scene) -> Check:
    """A sale and a change of an event, of which nobody was told."""
    _hook(scene)
    order = _sale_and_change(scene)
    left = OutboxEvent.objects.filter(
        subject_id__in=[order.pk, order.event_id], drained_at__isnull=True
    )
    assert left.count() == 2
    told = WebhookDelivery.objects.filter(subject_id=order.pk)
    return lambda: not left.exists() and told.exists() and order.mails.exists()


def _deliveries(scene: Scene) -> Check:
    """A webhook that is due, to where nothing may be sent."""
    hook = _hook(scene)
    buy(scene.seats()[0], make_user())
    drain()
    deliveries = WebhookDelivery.objects.filter(endpoint=hook)
    assert deliveries.exists()
    return lambda: not deliveries.filter(attempts=0).exists()


def _mails(scene: Scene) -> Check:
    """A mail that is due, and a mailing to all of an event."""
    order = _sale_and_change(scene)
    drain()
    assert Mailing.objects.filter(event=order.event, done_at__isnull=True).exists()
    sent = order.mails.filter(state=OrderMailState.SENT)
    return lambda: sent.count() == 2


def _told(scene: Scene) -> Check:
    """A sale that was told long ago, and an endpoint that was deleted."""
    hook = _hook(scene)
    order = buy(scene.seats()[0], make_user())
    assert isinstance(order, Order)
    drain()
    WebhookDelivery.objects.filter(endpoint=hook).update(state=DeliveryState.DELIVERED)
    WebhookEndpoint.objects.filter(pk=hook.pk).update(enabled=False, deleted_at=scene.now)
    WebhookDelivery.objects.exclude(endpoint=hook).delete()
    told = OutboxEvent.objects.filter(subject_id=order.pk)
    assert told.update(created_at=scene.now - LONG_AGO) == 1
    hooks = WebhookEndpoint.objects.filter(pk=hook.pk)
    return lambda: not told.exists() and not hooks.exists()


def _abandoned_job(scene: Scene) -> Check:
    """A job whose worker has died."""
    job = _job(scene)
    BulkJob.objects.filter(pk=job.pk).update(beat_at=scene.now - timedelta(hours=1))
    return lambda: _state(job) == JobState.DONE


def _new_job(scene: Scene) -> Check:
    """A job that is too large for the request that starts it."""
    job = _job(scene, send=tasks.bulk_job.delay)
    return lambda: _state(job) == JobState.DONE


def _returned(scene: Scene) -> Check:
    """A seat that came back, and one who waits."""
    done = _waitlist(scene)
    event = Event.objects.filter(has_waitlist=True).latest("created_at")
    tasks.offer_returned_seats.delay(str(event.pk))
    return done


def _mail(scene: Scene) -> Check:
    """A mail that was queued."""
    to = f"{uuid4().hex}@example.com"
    send_mail_later(template="confirm_email", to=to, context={"url": "https://example.com/"})
    return lambda: any(each.to == [to] for each in mail.outbox)


def _stampede(scene: Scene) -> Check:
    """A stampede of a few buyers in both regions."""
    seats = scene.seats(is_simulation=True)
    planned = plan_stampede(
        event_id=seats[0].event_id,
        seat_id=seats[0].pk,
        options=Options(),
        buyers=4,
        regions=settings.REGIONS,
        started_by=None,
        now=timezone.now(),
    )
    tasks.stampede.delay(str(planned))
    return lambda: Stampede.objects.get(pk=planned).state in SETTLED


def _sale_and_change(scene: Scene) -> Order:
    order = buy(scene.seats()[0], make_user())
    assert isinstance(order, Order)
    write(event_changed(order.event, EventKind.EVENT_CHANGED, {}, now=scene.now))
    return order


def _job(scene: Scene, **sent: Any) -> BulkJob:
    seats = scene.seats(rows="ABCDEFGH", seats_a_row=50)
    block = Operation(kind="block", reason="Camera")
    job = start(plan(seats[0].event, scene.alice, block, seats), scene.alice, **sent)
    assert job.state == JobState.WAITING, "it was small enough to be done at once"
    return job


def _hook(scene: Scene) -> WebhookEndpoint:
    return WebhookEndpoint.objects.create(
        organisation=scene.acme, url="https://127.0.0.1/", created_at=scene.now
    )


def _state(row: Any) -> str:
    row.refresh_from_db()
    return str(row.state)


BY_BEAT: Mapping[str, Callable[[Scene], Check]] = {
    "sales.tidy_holds": _holds,
    "sales.offer_what_came_back": _waitlist,
    "sales.settle_payments": _payments,
    "sales.complete_refunds": _refunds,
    "sales.refund_late_orders": _late_orders,
    "sales.tidy_outbox": _told,
    "sales.deliver_webhooks": _deliveries,
    "sales.send_mails": _mails,
    "sales.resume_bulk_jobs": _abandoned_job,
    # The last one: rows of the others would be drained with it.
    "sales.drain_outbox": _outbox,
}
# What else sends a task: `arrange` does so too.
BY_OTHERS: Mapping[str, Callable[[Scene], Check]] = {
    "sales.bulk_job": _new_job,
    "sales.offer_returned_seats": _returned,
    "sales.stampede": _stampede,
    "worldseat.send_mail": _mail,
}
# What one of those sends, and is done when that one is.
FOLLOWING = {"sales.stampede_region": "sales.stampede", "sales.stampede_watch": "sales.stampede"}
