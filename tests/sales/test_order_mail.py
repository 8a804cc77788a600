"""Fans get a mail about what happens to their orders: once, with their tickets, and no others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts.models import User
from sales.cancelling import OrderNotPaid, refund_order
from sales.exchanges import exchange
from sales.idempotency import Answer, Keyed
from sales.models import Event, Mailing, OrderMail, OrderMailState, OutboxEvent, Seat
from sales.order_mail import resend_order_mail
from sales.outbox import tell_event
from sales.telling import mailing
from sales.telling.draining import drain
from sales.telling.mailing import send_mails, write_mailings
from tests.helpers.cast import at_once, make_fans
from tests.helpers.payments import key_of, paid

pytestmark = pytest.mark.django_db(transaction=True)

Outbox = list[EmailMultiAlternatives]


def post_all() -> None:
    drain()
    write_mailings()
    send_mails()


def keyed(user: User, key: str) -> Keyed[Any]:
    return Keyed(key_of(user, key=key), render=lambda done: Answer(200, {}))


def html_of(mail: EmailMultiAlternatives) -> str:
    ((content, kind),) = mail.alternatives
    assert kind == "text/html"
    return str(content)


def attached(mail: EmailMultiAlternatives) -> list[str]:
    names = []
    for name, content, kind in mail.attachments:
        assert kind == "application/pdf"
        assert bytes(content).startswith(b"%PDF")
        names.append(str(name))
    return names


def test_an_order_is_confirmed_with_its_tickets(
    seats: list[Seat], fay: User, mailoutbox: Outbox
) -> None:
    order = paid(seats[:2], fay)
    post_all()
    post_all()
    (mail,) = mailoutbox
    assert mail.to == [fay.email]
    assert mail.subject == f"Your tickets for Opening Night ({order.reference})"
    assert len(attached(mail)) == 2
    for content in (str(mail.body), html_of(mail)):
        assert "Floor, row A, seat 2" in content
        assert "90.00 EUR" in content
        assert f"/orders/{order.pk}/" in content


def test_a_simulated_fan_and_a_simulation_get_none(
    seats: list[Seat], event: Event, fay: User, mailoutbox: Outbox
) -> None:
    buyer = make_fans(1)[0]
    User.objects.filter(pk=buyer.pk).update(is_simulated=True)
    paid(seats[:1], buyer)
    post_all()
    Event.objects.update(is_simulation=True)
    paid([Seat.objects.select_related("event", "category").get(pk=seats[1].pk)], fay)
    post_all()
    assert mailoutbox == []


def test_a_refund_names_what_is_gone_and_what_stays(
    seats: list[Seat], fay: User, alice: User, mailoutbox: Outbox
) -> None:
    order = paid(seats[:2], fay)
    first = order.tickets.all()[0]
    refund_order(
        order_id=order.pk,
        user=alice,
        ticket_ids=[first.pk],
        keyed=keyed(alice, "one"),
        now=timezone.now(),
    )
    refund_order(order_id=order.pk, user=alice, keyed=keyed(alice, "rest"), now=timezone.now())
    post_all()
    refunded = next(each for each in mailoutbox if "Refund" in each.subject)
    cancelled = next(each for each in mailoutbox if "cancelled" in each.subject)
    assert "45.00 EUR of your order" in str(refunded.body)
    assert "No longer valid: Floor, row A, seat 1" in str(refunded.body)
    assert attached(cancelled) == []
    assert "Floor, row A, seat 2" in str(cancelled.body)


def test_an_exchange_brings_the_new_ticket(
    seats: list[Seat], fay: User, alice: User, mailoutbox: Outbox
) -> None:
    order = paid(seats[:1], fay)
    post_all()
    exchange(
        ticket_id=order.tickets.all()[0].pk,
        seat_id=seats[8].pk,
        user=alice,
        at_box_office=True,
        keyed=keyed(alice, "exchange"),
        now=timezone.now(),
    )
    post_all()
    mail = mailoutbox[-1]
    assert "Old: Floor, row A, seat 1" in str(mail.body)
    assert "New: Floor, row B, seat 3" in str(mail.body)
    assert "We give back 20.00 EUR" in str(mail.body)
    assert len(attached(mail)) == 1


def move_event(event: Event) -> None:
    before = {"state": event.state, "starts_at": event.starts_at, "venue": event.venue}
    with transaction.atomic():
        event.starts_at += timedelta(days=1)
        event.save()
        tell_event(before, event, now=timezone.now())


def test_all_holders_are_told_once_that_an_event_has_moved(
    seats: list[Seat],
    event: Event,
    fay: User,
    mailoutbox: Outbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mailing, "_WRITTEN_AT_ONCE", 2)
    fans = make_fans(4)
    for number, fan in enumerate([*fans, fay, fay]):
        paid(seats[number : number + 1], fan, key=f"paid-{number}")
    post_all()
    mailoutbox.clear()
    move_event(event)
    drain()
    # One worker dies after a batch; two others go on side by side.
    mailing._write_batch(mailing_id=Mailing.objects.get().pk, now=timezone.now())
    assert OrderMail.objects.filter(template="event_changed").count() == 2
    at_once([write_mailings, write_mailings])
    assert Mailing.objects.get().done_at is not None
    at_once([send_mails, send_mails])
    told = sorted(mail.to[0] for mail in mailoutbox)
    assert told == sorted(each.email for each in [*fans, fay])
    assert "It starts:" in str(mailoutbox[0].body)
    assert mailoutbox[0].subject == "Changed: Opening Night"


def test_an_event_saved_in_the_admin_is_told(
    seat: Seat, event: Event, alice: User, client_as: Callable[[User], Client]
) -> None:
    client = client_as(alice)
    path = f"/admin/sales/event/{event.pk}/change/"
    form = client.get(path).context["adminform"].form
    given = {name: form[name].value() for name in form.fields}
    data = {name: "" if value is None else value for name, value in given.items()}
    for inline in client.get(path).context["inline_admin_formsets"]:
        management = inline.formset.management_form
        data |= {
            management.add_prefix(name): management[name].value() for name in management.fields
        }
        for each in inline.formset.initial_forms:
            for name in each.fields:
                value = each[name].value()
                data[each.add_prefix(name)] = "" if value is None else value
    for name in ("starts_at", "on_sale_at", "off_sale_at", "fans_cancel_until"):
        value = data.pop(name, None)
        if value:
            data[f"{name}_0"], data[f"{name}_1"] = f"{value:%Y-%m-%d}", f"{value:%H:%M:%S}"
    data["state"] = "paused"
    data["starts_at_0"] = f"{event.starts_at + timedelta(days=3):%Y-%m-%d}"
    data.pop("is_simulation", None)
    answer = client.post(path, data)
    assert answer.status_code == 302, answer.context["errors"]
    kinds = list(OutboxEvent.objects.order_by("sequence").values_list("kind", flat=True))
    assert kinds == ["event.paused", "event.changed"]


def test_a_mail_waits_for_a_server_that_is_down(
    seats: list[Seat], fay: User, mailoutbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid(seats[:1], fay)
    with monkeypatch.context() as down:
        down.setattr("django.core.mail.EmailMultiAlternatives.send", _refuse)
        post_all()
    mail = OrderMail.objects.get()
    assert (mail.state, mail.attempts) == (OrderMailState.PENDING, 1)
    assert mail.due_at > timezone.now()
    OrderMail.objects.update(due_at=timezone.now())
    post_all()
    assert len(mailoutbox) == 1


def _refuse(*_: Any, **__: Any) -> None:
    raise ConnectionRefusedError


def test_a_paid_order_is_confirmed_again_on_demand(
    seats: list[Seat], fay: User, alice: User, mailoutbox: Outbox
) -> None:
    order = paid(seats[:1], fay)
    post_all()
    resend_order_mail(order_id=order.pk, now=timezone.now())
    post_all()
    assert len(mailoutbox) == 2
    assert attached(mailoutbox[1]) == attached(mailoutbox[0])
    assert "once more" in html_of(mailoutbox[1])
    refund_order(order_id=order.pk, user=alice, keyed=keyed(alice, "all"), now=timezone.now())
    with pytest.raises(OrderNotPaid):
        resend_order_mail(order_id=order.pk, now=timezone.now())
