"""A row of every kind that belongs to acme."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

from django.db.models import Model

from accounts.api_keys import add_key
from accounts.audit import record
from accounts.models import ApiKey, Invitation, Membership, Organisation, User
from sales.models import (
    Allowance,
    Attempt,
    BoxOfficeSale,
    BulkJob,
    CategoryAllowance,
    CounterPayment,
    Event,
    EventKind,
    HeldSeat,
    Hold,
    JobBatch,
    JobKind,
    LedgerEntry,
    LedgerKind,
    Mailing,
    Order,
    OrderMail,
    OrderState,
    OutboxEvent,
    Payment,
    PresaleCode,
    PriceType,
    Refund,
    Scan,
    Scanner,
    ScanOutcome,
    ScanReport,
    Seat,
    Section,
    Stampede,
    StampedeRegion,
    Ticket,
    TicketState,
    WaitingRoom,
    Waitlist,
    WaitlistEntry,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)

Rows = dict[type[Model], Model]

SECRET = "Zanzibar"


def make_rows(alice: User, acme: Organisation, seats: list[Seat], fay: User, now: datetime) -> Rows:
    """Make one row of each tenant's model, all of acme, whose texts say SECRET where they can."""
    seat, event, plan = seats[0], seats[0].event, seats[0].event.plan
    assert plan
    sold: dict[str, Any] = {"event": event, "currency": "EUR", "created_at": now}
    order = Order.objects.create(
        fan=fay, state=OrderState.PAID, total_minor=4500, region="us-east-1", **sold
    )
    ticket = Ticket.objects.create(
        order=order, seat=seat, fan=fay, state=TicketState.VALID, price_minor=4500, **sold
    )
    line = LedgerEntry.objects.create(order=order, kind=LedgerKind.SALE, amount_minor=4500, **sold)
    allowance = Allowance.objects.create(event=event, fan=fay, used=1)
    of_category = CategoryAllowance.objects.create(category=seat.category, fan=fay, used=1)
    hold = Hold.objects.create(
        fan=fay, total_minor=4500, region=SECRET, expires_at=now, extendable_until=now, **sold
    )
    line_held = HeldSeat.objects.create(hold=hold, seat=seat, price_minor=4500)
    moved = {"order": order, "amount_minor": 4500, "currency": "EUR", "created_at": now}
    payment = Payment.objects.create(provider="test", reference=SECRET, changed_at=now, **moved)
    refund = Refund.objects.create(reason=SECRET, changed_at=now, **moved)
    scan = Scan.objects.create(
        event=event, ticket=ticket, outcome=ScanOutcome.VOID, gate=SECRET, scanned_at=now
    )
    code = PresaleCode.objects.create(
        event=event, code=SECRET.upper(), valid_from=now, valid_until=event.off_sale_at
    )
    key = ApiKey(organisation=acme, name=SECRET, scopes=["scan"], created_by=alice)
    add_key(key, actor=alice, now=now)
    invitation = Invitation.objects.create(
        organisation=acme,
        email=f"{SECRET.lower()}@example.com",
        role="viewer",
        created_at=now,
        sent_at=now,
        expires_at=now,
    )
    price_type = PriceType.objects.create(category=seat.category, name=SECRET, price_minor=1)
    stampede = Stampede.objects.create(event=event, seat=seats[1], buyers=1, created_at=now)
    region = StampedeRegion.objects.create(stampede=stampede, region=SECRET, buyers=1)
    entry = record(
        organisation_id=acme.pk,
        actor=alice,
        action="event.published",
        subject=event,
        changes={"name": ["", SECRET]},
        now=now,
    )
    attempt = Attempt.objects.create(stampede=stampede, region=SECRET, number=1, fan=fay)
    job = BulkJob.objects.create(
        organisation=acme, event=event, kind=JobKind.SEATS, title=SECRET, total=1, created_at=now
    )
    batch = JobBatch.objects.create(job=job, position=0, seats=[str(seat.pk)])
    for row in (acme, event, event.venue, plan, seat.category):
        row.name = f"{SECRET} {row._meta.model_name}"
        row.save()
    Section.objects.filter(plan=plan).update(name=SECRET)
    Seat.objects.filter(event=event).update(section=SECRET)
    rows: list[Model] = [
        acme,
        event,
        event.venue,
        plan,
        seat.category,
        seats[1],
        plan.sections.get(),
        stampede,
        region,
        attempt,
        Membership.objects.get(user=alice),
        order,
        ticket,
        line,
        allowance,
        of_category,
        hold,
        line_held,
        payment,
        refund,
        scan,
        code,
        key,
        invitation,
        price_type,
        job,
        batch,
        entry,
        BoxOfficeSale.objects.create(
            order=order, by=alice, paid_by=CounterPayment.CASH, sold_at=now
        ),
        *_what_was_told(order, now),
        *_of_the_door(scan, alice, now),
        *_who_waits(event, fay, now),
    ]
    return {type(row): row for row in rows}


def _what_was_told(order: Order, now: datetime) -> list[Model]:
    event, owner = order.event, order.event.organisation
    happened = OutboxEvent.objects.create(
        organisation=owner,
        kind=EventKind.ORDER_PAID,
        subject_id=order.pk,
        sequence=1,
        payload={"name": SECRET},
        created_at=now,
    )
    endpoint = WebhookEndpoint.objects.create(
        organisation=owner, url=f"https://{SECRET}.example/", created_at=now
    )
    delivery = WebhookDelivery.objects.create(
        endpoint=endpoint,
        happened=happened,
        subject_id=order.pk,
        sequence=1,
        due_at=now,
        created_at=now,
    )
    return [
        happened,
        endpoint,
        delivery,
        WebhookAttempt.objects.create(
            delivery=delivery, at=now, error=SECRET, milliseconds=1, body=SECRET
        ),
        OrderMail.objects.create(
            happened=happened, order=order, template=SECRET, due_at=now, created_at=now
        ),
        Mailing.objects.create(happened=happened, event=event),
    ]


def _of_the_door(scan: Scan, user: User, now: datetime) -> list[Model]:
    scanner = Scanner.objects.create(
        event=scan.event, key=uuid4(), name=SECRET, user=user, seen_at=now
    )
    return [scanner, ScanReport.objects.create(scan=scan, scanner=scanner, device_time=now)]


def _who_waits(event: Event, fan: User, now: datetime) -> list[Model]:
    return [
        WaitingRoom.objects.create(event=event, opens_at=now, rate_per_minute=1, policy=SECRET),
        Waitlist.objects.create(event=event),
        WaitlistEntry.objects.create(
            id=uuid4(),
            event=event,
            fan=fan,
            quantity=1,
            region=SECRET,
            joined_at=now,
            draw=0.123456789,
        ),
    ]
