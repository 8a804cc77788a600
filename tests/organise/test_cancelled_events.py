"""An event does not take place: the sale ends, everybody is told, and gets the money back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry, User
from sales.back_office.access import RoleTooLow
from sales.cancelling import refund_cancelled
from sales.events import EventNotFound, NotOnSale
from sales.models import (
    BulkJob,
    Event,
    EventState,
    JobState,
    Order,
    OrderMail,
    OrderState,
    OutboxEvent,
    Refund,
    RefundState,
    Seat,
    Ticket,
    WebhookDelivery,
    WebhookEndpoint,
)
from sales.organising.event_refunds import begin_refunds
from sales.organising.event_states import NotReady, WrongState, move_event
from sales.organising.jobs import STALE
from sales.organising.operations import Operation
from sales.organising.seat_jobs import preview_of
from sales.organising.working import resume_jobs, work
from sales.telling.draining import drain
from sales.telling.mailing import send_mails, write_mailings
from sales.waiting_room.desk import Desk
from sales.waiting_room.queue import QueueClosed, join
from sales.waiting_room.rooms import RoomRules, set_room
from sales.waitlist import WaitlistClosed, WaitlistRules, enlist, set_waitlist
from tests.helpers.bulk_jobs import outcomes, plan, start
from tests.helpers.cast import at_once, make_fans, make_user
from tests.helpers.payments import assert_sound, paid
from tests.helpers.purchases import buy
from tests.helpers.returns import swap

REFUNDS = "sales.organising.event_refunds"

pytestmark = pytest.mark.django_db(transaction=True)


def cancel(event: Event, user: User) -> str:
    moved = move_event(event_id=event.pk, user=user, move="cancel", now=timezone.now())
    return str(moved.state)


def sell(seats: list[Seat]) -> list[Order]:
    """Sell two seats each to three fans, who have an address each."""
    return [paid(seats[at : at + 2], make_user()) for at in (0, 2, 4)]


def begin(event: Event, user: User) -> BulkJob:
    return begin_refunds(event_id=event.pk, user=user, now=timezone.now())


def test_nothing_is_sold_any_more_and_it_is_for_good(
    event: Event, alice: User, fay: User, seats: list[Seat]
) -> None:
    assert cancel(event, alice) == EventState.CANCELLED
    with pytest.raises(NotOnSale, match="cancelled"):
        buy(seats[0], fay)
    assert cancel(event, alice) == EventState.CANCELLED, "asked twice"
    for move in ("publish", "resume", "close", "withdraw"):
        with pytest.raises(WrongState):
            move_event(event_id=event.pk, user=alice, move=move, now=timezone.now())
    assert AuditEntry.objects.filter(action="event.cancelled").count() == 1


def test_only_a_manager_of_its_organisation_may(
    event: Event, draft: Event, alice: User, bob: User, charlie: User, seats: list[Seat]
) -> None:
    for user, refusal in ((bob, RoleTooLow), (charlie, EventNotFound)):
        with pytest.raises(refusal):
            cancel(event, user)
    event.refresh_from_db()
    assert event.state == EventState.PUBLISHED
    with pytest.raises(WrongState):
        cancel(draft, alice)  # nobody has seen it: it is withdrawn, not cancelled
    sell(seats)
    with pytest.raises(NotReady):
        begin(event, alice)
    cancel(event, alice)
    for user, refusal in ((bob, RoleTooLow), (charlie, EventNotFound)):
        with pytest.raises(refusal):
            begin(event, user)
    assert not Refund.objects.exists()


def test_tells_systems_and_every_fan_once(
    event: Event, alice: User, seats: list[Seat], now: datetime
) -> None:
    orders = sell(seats)
    more = paid([seats[6]], orders[0].fan, key="more")
    drain()
    OrderMail.objects.all().delete()
    hook = WebhookEndpoint.objects.create(
        organisation=event.organisation, url="https://example.com/", created_at=now
    )
    cancel(event, alice)
    drain()
    (told,) = WebhookDelivery.objects.filter(endpoint=hook).select_related("happened")
    assert told.happened.kind == "event.changed"
    assert told.happened.payload["changes"]["cancelled"] == [False, True]
    assert told.happened.payload["event"]["state"] == "cancelled"
    # The money goes back before the mails are written: who had it back is told all the same.
    work(job_id=begin(event, alice).pk)
    assert write_mailings() == 3
    send_mails()
    written = [each for each in mail.outbox if each.subject == f"Cancelled: {event.name}"]
    assert sorted(each.to[0] for each in written) == sorted(each.fan.email for each in orders)
    assert "does not take place" in written[0].body
    assert more.fan == orders[0].fan


def test_does_not_tell_who_had_given_back_before(
    event: Event, alice: User, seats: list[Seat]
) -> None:
    order = paid(seats[:1], make_user())
    Order.objects.filter(pk=order.pk).update(state=OrderState.CANCELLED)
    cancel(event, alice)
    drain()
    assert write_mailings() == 0


def test_gives_everybody_all_the_money_back(event: Event, alice: User, seats: list[Seat]) -> None:
    Event.objects.update(fee_minor=200)
    orders = sell(seats)
    cancel(event, alice)
    job = begin(event, alice)
    assert (job.total, job.state, job.unit) == (3, JobState.WAITING, "orders")
    work(job_id=job.pk)
    job.refresh_from_db()
    assert (job.state, job.done, job.report) == (JobState.DONE, 3, {"refunded": 3})
    for order in orders:
        order.refresh_from_db()
        assert (order.state, order.refunded_minor) == (OrderState.CANCELLED, order.total_minor)
    assert set(Refund.objects.values_list("state", "reason", "by")) == {
        (RefundState.DONE, "The event is cancelled.", alice.pk)
    }
    assert not Ticket.objects.filter(state="valid").exists()
    sold = Seat.objects.filter(pk__in=[each.pk for each in seats[:6]])
    assert set(sold.values_list("status", flat=True)) == {"blocked"}
    kinds = Counter(OutboxEvent.objects.values_list("kind", flat=True))
    assert kinds["order.cancelled"] == 3
    assert_sound(event)
    # Once more: there is nothing left to do.
    again = begin(event, alice)
    work(job_id=again.pk)
    again.refresh_from_db()
    assert (again.total, again.state) == (0, JobState.DONE)
    assert Refund.objects.count() == 3


def test_goes_on_where_a_worker_died(
    event: Event, alice: User, seats: list[Seat], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{REFUNDS}.ORDERS_A_BATCH", 2)
    sell(seats)
    cancel(event, alice)
    job = begin(event, alice)
    asked = []

    def dies(**what: object) -> bool:
        asked.append(what["order_id"])
        if len(asked) == 2:
            raise SystemExit  # as a signal would
        return refund_cancelled(**what)  # type: ignore[arg-type] # as it was called

    monkeypatch.setattr(f"{REFUNDS}.refund_cancelled", dies)
    with pytest.raises(SystemExit):
        work(job_id=job.pk)
    job.refresh_from_db()
    assert (job.state, job.done) == (JobState.RUNNING, 0)
    assert Order.objects.filter(state=OrderState.CANCELLED).count() == 1
    monkeypatch.setattr(f"{REFUNDS}.refund_cancelled", refund_cancelled)
    later = timezone.now() + STALE + timedelta(seconds=1)
    sent: list[str] = []
    assert resume_jobs(now=later, send=sent.append) == 1
    work(job_id=job.pk, clock=lambda: later)
    job.refresh_from_db()
    assert (job.state, job.done) == (JobState.DONE, 3)
    assert Refund.objects.count() == 3
    assert_sound(event)


def test_two_who_begin_at_once_begin_one_job_and_refund_once(
    event: Event, alice: User, seats: list[Seat]
) -> None:
    sell(seats)
    cancel(event, alice)
    begun = at_once([partial(begin, event, alice) for _ in range(3)])
    assert len({job.pk for job in begun if isinstance(job, BulkJob)}) == 1, begun
    job = BulkJob.objects.get()
    at_once([partial(work, job_id=job.pk) for _ in range(3)])
    assert Refund.objects.count() == 3
    assert_sound(event)


def test_a_manager_does_it_by_page(
    event: Event, alice: User, bob: User, client_as: Callable[[User], Client], seats: list[Seat]
) -> None:
    sell(seats)
    client, page = client_as(alice), f"/organise/events/{event.pk}/"
    assert "Cancel the event" in client.get(page).content.decode()
    client.post(f"{page}move/", {"move": "cancel"})
    event.refresh_from_db()
    assert event.state == EventState.PUBLISHED, "she has not said that she is sure"
    assert client_as(bob).post(f"{page}move/", {"move": "cancel", "sure": "yes"}).status_code == 403
    client.post(f"{page}move/", {"move": "cancel", "sure": "yes"})
    shown = client.get(page).content.decode()
    assert "3</b> orders are paid" in shown
    assert "Cancel the event" not in shown
    assert client_as(bob).post(f"{page}refunds/").status_code == 403
    assert not BulkJob.objects.exists()
    answer = client.post(f"{page}refunds/")
    job = BulkJob.objects.get()
    assert answer["Location"] == f"/organise/jobs/{job.pk}/"
    assert "Done: 3 of 3 orders" in client.get(answer["Location"]).content.decode()
    assert "Refund all orders" not in client.get(page).content.decode()
    # Fans see that it is off.
    (fan,) = make_fans(1)
    assert "Cancelled" in client_as(fan).get(f"/events/{event.pk}/").content.decode()


def test_no_ticket_of_it_is_made_any_more(
    event: Event, alice: User, bob: User, seats: list[Seat]
) -> None:
    """Neither for a dearer seat in exchange, which would be paid, nor as a gift."""
    order = paid(seats[6:7], make_user())
    ticket = Ticket.objects.get(order=order)
    cancel(event, alice)
    for by, what in ((order.fan, {}), (bob, {"at_box_office": True})):
        with pytest.raises(NotOnSale, match="cancelled"):
            swap(ticket, seats[0], by, **what)
    job = plan(event, alice, Operation(kind="comp", email="guest@example.com"), seats[:2])
    preview = preview_of(job_id=job.pk, user=alice, now=timezone.now())
    assert preview == {"refused: The event is cancelled.": 2}
    assert set(outcomes(start(job, alice)).values()) == {("refused", "The event is cancelled.")}
    assert Ticket.objects.get() == ticket
    assert_sound(event)


def test_nobody_waits_for_it_any_more(
    event: Event,
    alice: User,
    fay: User,
    seats: list[Seat],
    now: datetime,
    client_as: Callable[[User], Client],
) -> None:
    """The waiting room does not stand still as if it went on; the waitlist takes nobody."""
    Seat.objects.filter(event=event).update(status="sold", changed_at=now)
    rules = RoomRules(True, opens_at=now - timedelta(hours=2), rate_per_minute=10)
    set_room(event_id=event.pk, rules=rules, now=now)
    set_waitlist(event_id=event.pk, rules=WaitlistRules(True), now=now)
    enlist(event_id=event.pk, fan_id=fay.pk, quantity=1, now=now)
    cancel(event, alice)
    with pytest.raises(WaitlistClosed):
        enlist(event_id=event.pk, fan_id=alice.pk, quantity=1, now=now)
    assert "The event is cancelled" in client_as(fay).get("/waitlist/").content.decode()
    with pytest.raises(QueueClosed, match="The sale has ended"):
        join(event_id=event.pk, fan_id=fay.pk, now=now, desk=Desk("us-east-1"))
    shown = client_as(alice).get(f"/organise/events/{event.pk}/queue/").content.decode()
    assert "The sale has ended." in shown
