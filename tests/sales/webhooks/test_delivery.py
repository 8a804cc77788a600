"""A webhook is told everything at least once, in order for one order, whatever it answers."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from sales.models import (
    DeliveryState,
    OutboxEvent,
    Seat,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    new_secret,
)
from sales.telling import delivering
from sales.telling.delivering import DISABLED_AFTER, WAITS, deliver
from sales.telling.draining import drain
from sales.telling.endpoints import rotate_secret
from sales.tickets import reissue
from tests.helpers.cast import at_once, make_event, make_fans
from tests.helpers.payments import paid
from tests.helpers.webhooks.receiver import Receiver
from tests.helpers.webhooks.telling import tell, tell_all

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait a second for an answer."""
    monkeypatch.setattr("worldseat.outbound.TOTAL_SECONDS", 1.0)


def orders_with_history(seats: list[Seat], times: int = 3) -> None:
    """Sell two orders and have something happen to each, several times."""
    for number, fan in enumerate(make_fans(2)):
        order = paid(seats[2 * number : 2 * number + 1], fan, key=f"paid-{number}")
        for _ in range(times):
            reissue(ticket_id=order.tickets.all()[0].pk, user=fan, now=timezone.now())


def test_a_sale_is_told_signed(shop: Receiver, seat: Seat, fay: User) -> None:
    order = paid([seat], fay)
    assert tell() == 1
    (message,) = shop.accepted
    assert message["type"] == "order.paid"
    assert message["data"]["order"]["reference"] == order.reference
    assert message["id"] == str(OutboxEvent.objects.get().pk)
    attempt = WebhookAttempt.objects.get()
    assert (attempt.status, attempt.body, attempt.error) == (200, "hello", "")
    assert tell() == 0


def assert_told_in_order(shop: Receiver) -> None:
    """Check that all events have arrived, and in order those of one order."""
    events = list(OutboxEvent.objects.order_by("sequence"))
    assert {str(event.pk) for event in events} == set(shop.ids())
    for subject in {event.subject_id for event in events}:
        told = [str(event.pk) for event in events if event.subject_id == subject]
        first = list(dict.fromkeys(each for each in shop.ids() if each in told))
        assert first == told
        # Nor was a later one even tried before the earlier had arrived.
        seen = [message["id"] for message in shop.seen if message["id"] in told]
        assert [told.index(each) for each in seen] == sorted(told.index(each) for each in seen)


def test_every_event_arrives_in_order_whatever_it_answers(
    shop: Receiver, seats: list[Seat], short: None
) -> None:
    orders_with_history(seats)
    shop.manners = ["late", 500, "silent", 200, "cut", 404, "drip", 200, "redirect", 503, 200, 301]
    tell_all()
    assert OutboxEvent.objects.count() == 8
    assert_told_in_order(shop)
    assert shop.forged == 0
    assert shop.redirected == 0
    assert not WebhookDelivery.objects.exclude(state=DeliveryState.DELIVERED).exists()
    errors = set(WebhookAttempt.objects.exclude(error="").values_list("error", flat=True))
    assert "No answer within 1 seconds." in errors


def test_a_try_that_fails_is_repeated_over_days_and_then_given_up(
    shop: Receiver, seats: list[Seat], fay: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = paid(seats[:1], fay)
    reissue(ticket_id=order.tickets.all()[0].pk, user=fay, now=timezone.now())
    shop.manners = [500] * (len(WAITS) + 1)
    drain()
    for wait in WAITS:
        before = timezone.now()
        assert deliver() == 1
        first, later = WebhookDelivery.objects.order_by("sequence")
        assert before + wait * 0.79 < first.due_at < timezone.now() + wait * 1.21
        assert later.attempts == 0
        WebhookDelivery.objects.filter(pk=first.pk).update(due_at=timezone.now())
    # The last try fails for good; then the later event has its turn.
    assert deliver() == 2
    first, later = WebhookDelivery.objects.order_by("sequence")
    assert (first.state, later.state) == (DeliveryState.FAILED, DeliveryState.DELIVERED)
    assert timedelta(days=3) < sum(WAITS, timedelta()) < DISABLED_AFTER


def test_after_days_of_failures_it_is_switched_off_and_the_owners_are_told(
    shop: Receiver,
    hook: WebhookEndpoint,
    seats: list[Seat],
    alice: User,
    bob: User,
    mailoutbox: list,  # type: ignore[type-arg]
    tasks_at_once: None,
) -> None:
    paid(seats[:1], make_fans(1)[0])
    shop.manners = [500, 500]
    tell()
    hook.refresh_from_db()
    assert hook.failing_since is not None
    WebhookEndpoint.objects.update(failing_since=timezone.now() - DISABLED_AFTER)
    WebhookDelivery.objects.update(due_at=timezone.now())
    tell()
    hook.refresh_from_db()
    assert not hook.enabled
    (mail,) = mailoutbox
    assert mail.to == [alice.email]
    assert hook.url in mail.body
    WebhookDelivery.objects.update(due_at=timezone.now())
    assert tell() == 0


def test_a_success_forgets_the_failures(
    shop: Receiver, hook: WebhookEndpoint, seats: list[Seat], fay: User
) -> None:
    paid(seats[:1], fay)
    shop.manners = [500]
    tell_all()
    hook.refresh_from_db()
    assert hook.failing_since is None


def test_gone_is_taken_at_its_word(
    shop: Receiver, hook: WebhookEndpoint, seat: Seat, fay: User
) -> None:
    paid([seat], fay)
    shop.manners = [410]
    tell()
    hook.refresh_from_db()
    assert not hook.enabled
    assert WebhookDelivery.objects.get().state == DeliveryState.FAILED


def test_both_secrets_sign_for_a_day_after_a_rotation(
    shop: Receiver, hook: WebhookEndpoint, seats: list[Seat], alice: User, now: datetime
) -> None:
    old = hook.secret
    rotated = rotate_secret(endpoint_id=hook.pk, user=alice, now=now)
    for secret in (old, rotated.secret):
        shop.secrets = [secret]
        paid(seats[:1], make_fans(1)[0])
        seats.pop(0)
        tell()
    assert len(shop.accepted) == 2
    WebhookEndpoint.objects.update(previous_until=now)
    shop.secrets = [old]
    paid(seats[:1], make_fans(1)[0])
    tell()
    assert (len(shop.accepted), shop.forged) == (2, 1)


def test_is_told_what_it_wants_of_its_own_organisation(
    shop: Receiver, hook: WebhookEndpoint, seat: Seat, fay: User, rival: object
) -> None:
    hook.kinds = ["ticket.reissued"]
    hook.save()
    theirs = make_event(rival)  # type: ignore[arg-type]
    paid(list(theirs.seats.in_order()[:1]), make_fans(1)[0])
    order = paid([seat], fay)
    reissue(ticket_id=order.tickets.all()[0].pk, user=fay, now=timezone.now())
    tell()
    assert [message["type"] for message in shop.accepted] == ["ticket.reissued"]
    assert WebhookDelivery.objects.count() == 1


def test_hears_nothing_of_simulations(shop: Receiver, seat: Seat, fay: User) -> None:
    seat.event.is_simulation = True
    seat.event.save()
    paid([seat], fay)
    assert tell() == 0
    assert OutboxEvent.objects.get().drained_at is not None


def test_two_drainers_and_two_deliverers_at_once_tell_each_event_once(
    shop: Receiver, seats: list[Seat]
) -> None:
    orders_with_history(seats)
    drained = at_once([drain, drain, drain])
    assert sum(each for each in drained if isinstance(each, int)) == 8, drained
    assert WebhookDelivery.objects.count() == 8
    at_once([deliver, deliver])
    assert len(shop.seen) == len(shop.accepted) == 8
    assert_told_in_order(shop)


def test_a_slow_receiver_keeps_no_other_waiting(
    shop: Receiver, hook: WebhookEndpoint, seats: list[Seat], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = WebhookEndpoint.objects.create(
        organisation=hook.organisation,
        url=shop.url.replace("hooks", "slow"),
        secret=new_secret(),
        created_at=timezone.now(),
    )
    WebhookEndpoint.objects.filter(pk=slow.pk).update(url="http://127.0.0.1:1/")
    monkeypatch.setattr(delivering, "_AT_ONCE_AN_ENDPOINT", 1)
    for number, fan in enumerate(make_fans(4)):
        paid(seats[number : number + 1], fan, key=f"paid-{number}")
    tell()
    assert len(shop.accepted) == 4
    refused = WebhookAttempt.objects.filter(delivery__endpoint=slow)
    assert {each.status for each in refused} == {None}
