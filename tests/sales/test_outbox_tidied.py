"""What was told long ago is deleted: the outbox does not grow for ever."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import Organisation, User
from sales.models import (
    DeliveryState,
    Event,
    EventKind,
    Mailing,
    Order,
    OrderMail,
    OrderMailState,
    OutboxEvent,
    Seat,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)
from sales.outbox import event_changed, write
from sales.telling.draining import KEPT, drain, tidy_outbox
from sales.telling.mailing import write_mailings
from tests.helpers.cast import make_user
from tests.helpers.purchases import buy
from tests.helpers.regions import Regions
from worldseat.dsql import bulk
from worldseat.dsql.limits import ROWS

pytestmark = pytest.mark.django_db(transaction=True)

LONG_AGO = timedelta(days=400)


def tidy() -> int:
    """Tidy as `sales.tidy_outbox` does."""
    return tidy_outbox(now=timezone.now())


def grow_old() -> None:
    OutboxEvent.objects.update(created_at=timezone.now() - LONG_AGO)


def all_told() -> None:
    """Drain the outbox, as if all mails and deliveries had been taken."""
    drain()
    write_mailings()
    OrderMail.objects.update(state=OrderMailState.SENT)
    WebhookDelivery.objects.update(state=DeliveryState.DELIVERED)


def make_hook(organisation: Organisation) -> WebhookEndpoint:
    return WebhookEndpoint.objects.create(
        organisation=organisation, url="https://example.com/", created_at=timezone.now()
    )


@pytest.fixture
def told(seat: Seat, fay: User, acme: Organisation) -> OutboxEvent:
    """A sale that was told long ago, by a mail and by a webhook at the second try."""
    make_hook(acme)
    buy(seat, fay)
    all_told()
    delivery = WebhookDelivery.objects.get()
    for status in (500, 200):
        WebhookAttempt.objects.create(
            delivery=delivery, at=timezone.now(), status=status, milliseconds=1
        )
    grow_old()
    return OutboxEvent.objects.get()


def test_deletes_what_was_told_long_ago_with_all_that_came_of_it(told: OutboxEvent) -> None:
    assert tidy() == 1
    for model in (OutboxEvent, WebhookDelivery, WebhookAttempt, OrderMail):
        assert not model.objects.exists(), model
    assert Order.objects.count() == 1
    assert WebhookEndpoint.objects.count() == 1


def test_keeps_for_a_while_what_was_told(told: OutboxEvent) -> None:
    OutboxEvent.objects.update(created_at=timezone.now() - KEPT + timedelta(minutes=1))
    assert tidy() == 0
    assert WebhookAttempt.objects.count() == 2


def test_keeps_what_was_not_drained_however_old(seat: Seat, fay: User) -> None:
    buy(seat, fay)
    grow_old()
    assert tidy() == 0
    assert OutboxEvent.objects.count() == 1


def test_keeps_what_an_endpoint_has_still_to_be_told(told: OutboxEvent) -> None:
    WebhookDelivery.objects.update(state=DeliveryState.PENDING)
    assert tidy() == 0
    WebhookDelivery.objects.update(state=DeliveryState.FAILED)
    assert tidy() == 1


def test_deletes_a_mail_that_nobody_has_sent_in_all_that_time(told: OutboxEvent) -> None:
    OrderMail.objects.update(state=OrderMailState.PENDING)
    assert tidy() == 1
    assert not OrderMail.objects.exists()


def test_deletes_a_change_with_the_mailing_of_it(event: Event) -> None:
    write(event_changed(event, EventKind.EVENT_CHANGED, {}, now=timezone.now()))
    all_told()
    grow_old()
    assert tidy() == 1
    assert not Mailing.objects.exists()


def test_deletes_some_at_a_time_the_oldest_first(
    seats: list[Seat], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sales.telling.draining._TIDIED_AT_ONCE", 2)
    for seat in seats[:3]:
        buy(seat, make_user())
    all_told()
    grow_old()
    youngest = OutboxEvent.objects.order_by("sequence").last()
    assert youngest
    OutboxEvent.objects.filter(pk=youngest.pk).update(created_at=timezone.now() - 2 * KEPT)
    assert tidy() == 2
    assert OutboxEvent.objects.get() == youngest
    assert tidy() == 1


def test_deletes_endpoints_that_were_deleted_after_their_log(
    told: OutboxEvent, acme: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sales.telling.draining._TIDIED_AT_ONCE", 1)
    OutboxEvent.objects.update(created_at=timezone.now())
    other = OutboxEvent.objects.create(
        organisation=acme,
        kind="ping",
        subject_id=acme.pk,
        sequence=1,
        payload={},
        created_at=timezone.now(),
        drained_at=timezone.now(),
    )
    gone = WebhookEndpoint.objects.get()
    WebhookDelivery.objects.create(
        endpoint=gone,
        happened=other,
        subject_id=acme.pk,
        sequence=1,
        due_at=timezone.now(),
        created_at=timezone.now(),
    )
    kept = make_hook(acme)
    WebhookEndpoint.objects.filter(pk=gone.pk).update(deleted_at=timezone.now())
    tidy()
    assert WebhookDelivery.objects.count() == 1, "what a run leaves the next one takes"
    assert WebhookEndpoint.objects.count() == 2
    tidy()
    assert not WebhookDelivery.objects.exists()
    assert WebhookEndpoint.objects.get() == kept
    assert OutboxEvent.objects.count() == 2


def test_deletes_a_change_that_more_were_mailed_of_than_a_transaction_takes(
    event: Event, seat: Seat, fay: User, regions: Regions
) -> None:
    order = buy(seat, fay)
    assert isinstance(order, Order)
    all_told()
    told = OutboxEvent.objects.get()
    OrderMail.objects.all().delete()
    grow_old()
    copies = [_copy(order, number) for number in range(ROWS)]
    bulk.bulk_create(Order.objects.all(), copies)
    now = timezone.now()
    mails = [
        OrderMail(happened=told, order=each, state="sent", due_at=now, created_at=now)
        for each in copies
    ]
    bulk.bulk_create(OrderMail.objects.all(), mails)
    assert regions.at_once([(0, tidy)]) == [1]
    assert not OrderMail.objects.exists()
    assert not OutboxEvent.objects.exists()


def _copy(order: Order, number: int) -> Order:
    fields = {each.attname: getattr(order, each.attname) for each in Order._meta.concrete_fields}
    return Order(**{**fields, "id": uuid4(), "reference": f"copy-{number}"})
