"""A cancelled event's door lets nobody in, and what is paid too late is not kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from sales.models import (
    BulkJob,
    Event,
    EventState,
    Order,
    OrderState,
    Refund,
    Scan,
    Seat,
    SeatStatus,
    Ticket,
)
from sales.orders import PaymentUnsettled
from sales.organising.event_refunds import begin_refunds, refund_late_orders
from sales.organising.event_states import move_event
from sales.organising.jobs import stop_job
from sales.organising.working import work
from sales.payments.scripted import remembered
from sales.scanners import ScannerSays, Shown, report_scans
from sales.scanning import Verdict
from sales.tickets import code_of
from tests.helpers.admission import make_ticket, scan
from tests.helpers.api_calls import ApiAs, assert_problem
from tests.helpers.payments import assert_sound, hold, paid, pay, settle_later

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ticket(seat: Seat, fay: User) -> Ticket:
    return make_ticket(seat, fay)


def cancel(event: Event, by: User) -> None:
    move_event(event_id=event.pk, user=by, move="cancel", now=timezone.now())


def report(ticket: Ticket, by: User, told: str) -> Any:
    now = timezone.now()
    (reported,) = report_scans(
        event_id=ticket.event_id,
        user=by,
        scanner=ScannerSays(uuid4(), "West", now),
        gate="West",
        scans=[Shown(uuid4(), code_of(ticket), now, told)],
        now=now,
    )
    return reported


def test_nobody_is_let_in_before_the_refund_either(
    event: Event, ticket: Ticket, alice: User, bob: User
) -> None:
    cancel(event, alice)
    verdict = scan(ticket, bob)
    assert isinstance(verdict, Verdict)
    assert (verdict.admits, verdict.scan.outcome) == (False, "event-cancelled")
    ticket.refresh_from_db()
    assert (ticket.state, ticket.admitted_at) == ("valid", None)


def test_a_report_of_who_was_let_in_all_the_same_is_a_conflict(
    event: Event, ticket: Ticket, alice: User, bob: User
) -> None:
    cancel(event, alice)
    asked, alone = report(ticket, bob, ""), report(ticket, bob, "admitted")
    assert {each.outcome for each in (asked, alone)} == {"event-cancelled"}
    assert (asked.conflicts, alone.conflicts) == (False, True)
    assert not Ticket.objects.filter(admitted_at__isnull=False).exists()
    assert not Scan.objects.filter(outcome="admitted").exists()
    # Once the money is back too, that is still the reason: the ticket was not exchanged.
    work(job_id=begin_refunds(event_id=event.pk, user=alice, now=timezone.now()).pk)
    assert report(ticket, bob, "").outcome == "event-cancelled"


def test_a_scanner_learns_of_it_by_its_next_look(
    event: Event, ticket: Ticket, alice: User, bob: User, api_as: ApiAs
) -> None:
    api, url = api_as(bob), f"/api/v1/organiser/events/{event.pk}"
    before = api.get(f"{url}/door-tickets/").json()
    assert before["cancelled"] is False
    assert api.get(f"{url}/refused-tickets/").json()["results"] == []
    cancel(event, alice)
    news = api.get(f"{url}/door-tickets/", {"since": before["cursor"]}).json()
    assert news["cancelled"] is True
    soon = (timezone.now() + timedelta(minutes=1)).isoformat()
    (refused,) = api.get(f"{url}/refused-tickets/", {"since": soon}).json()["results"]
    assert (refused["ticket"], refused["state"]) == (str(ticket.pk), "void")
    answer = api.post("/api/v1/organiser/scan/", {"code": code_of(ticket)})
    assert "cancelled" in assert_problem(answer, 409, "event-cancelled")["detail"]


def test_the_door_and_the_ticket_say_so(
    event: Event, ticket: Ticket, alice: User, bob: User, client_as: Callable[[User], Client]
) -> None:
    cancel(event, alice)
    form = {"code": code_of(ticket), "key": "k", "gate": ""}
    assert "The event is cancelled" in client_as(bob).post("/door/", form).content.decode()
    shown = client_as(ticket.fan).get(f"/tickets/{ticket.pk}/").content.decode()
    assert "The event is cancelled" in shown
    assert "Show this code at the door" not in shown


def test_a_payment_that_settles_after_it_sells_nothing_and_goes_back(
    event: Event, seats: list[Seat], alice: User, fay: User
) -> None:
    with pytest.raises(PaymentUnsettled):
        pay(hold(seats[:1], fay), fay, token="tok_late")
    cancel(event, alice)
    settle_later()
    order = Order.objects.get()
    payment = order.payments.get()
    assert (order.state, payment.state) == (OrderState.FAILED, "voided")
    assert payment.reason == "The event is cancelled."
    memory = remembered(payment.pk)
    assert (memory["state"], "captures" in memory) == ("voided", False)
    assert not Ticket.objects.exists()
    assert Seat.objects.get(pk=seats[0].pk).status == SeatStatus.AVAILABLE
    assert_sound(event)


def test_the_fan_is_told_why_over_the_api(
    event: Event, seats: list[Seat], alice: User, fay: User, api_as: ApiAs
) -> None:
    held = hold(seats[:1], fay)
    body = {"hold": str(held.pk), "payment": {"provider": "test", "token": "tok_late"}}
    headers = {"Idempotency-Key": "cancelled meanwhile"}
    api = api_as(fay)
    assert_problem(api.post("/api/v1/orders/", body, headers=headers), 503, "busy")
    cancel(event, alice)
    for _ in range(2):
        answer = api.post("/api/v1/orders/", body, headers=headers)
        assert "cancelled before" in assert_problem(answer, 409, "not-on-sale")["detail"]


def sell_late(event: Event, seats: list[Seat], fan: User) -> Order:
    """Sell as a transaction does that read the event before it was cancelled."""
    Event.objects.filter(pk=event.pk).update(state=EventState.PUBLISHED)
    order = paid(seats, fan, key=f"late {seats[0].pk}")
    Event.objects.filter(pk=event.pk).update(state=EventState.CANCELLED)
    return order


def test_what_was_sold_in_the_instant_of_it_is_refunded_by_itself(
    event: Event, seats: list[Seat], alice: User, fay: User
) -> None:
    paid(seats[:1], fay)
    cancel(event, alice)
    late = sell_late(event, seats[1:2], fay)
    assert refund_late_orders() == 0, "no refunds were begun: it waits for them as all do"
    job = begin_refunds(event_id=event.pk, user=alice, now=timezone.now())
    work(job_id=job.pk)
    assert Refund.objects.count() == 2
    later = sell_late(event, seats[2:3], fay)
    assert (refund_late_orders(), refund_late_orders()) == (1, 0)
    for order in (late, later):
        order.refresh_from_db()
        assert (order.state, order.refunded_minor) == (OrderState.CANCELLED, order.total_minor)
    assert Refund.objects.filter(order=later).get().by == alice
    assert_sound(event)


def test_what_an_organiser_has_stopped_stays_stopped(
    event: Event, seats: list[Seat], alice: User, fay: User
) -> None:
    paid(seats[:1], fay)
    cancel(event, alice)
    job = begin_refunds(event_id=event.pk, user=alice, now=timezone.now())
    stop_job(job_id=job.pk, user=alice, now=timezone.now())
    assert refund_late_orders() == 0
    assert BulkJob.objects.get().state == "stopped"
    assert not Refund.objects.exists()
