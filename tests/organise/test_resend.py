"""The order's e-mail, sent again from the organiser's desk."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import AuditEntry, Role, User
from sales.models import Order, OrderMail, Seat
from tests.helpers.cast import make_member
from tests.helpers.payments import paid
from tests.helpers.returns import refund
from tests.organise.forms import post

pytestmark = pytest.mark.django_db(transaction=True)

ClientAs = Callable[[User], Client]


@pytest.fixture
def order(seats: list[Seat], fay: User) -> Order:
    return paid(seats[:1], fay)


def test_sends_it_once_a_form(client_as: ClientAs, bob: User, order: Order) -> None:
    path, key = f"/organise/orders/{order.pk}/resend/", uuid4().hex
    before = OrderMail.objects.count()
    for _ in range(2):
        assert post(client_as(bob), path, key).status_code == 302
    assert OrderMail.objects.count() == before + 1
    assert AuditEntry.objects.get(action="order.mailed_again").actor == bob


def test_has_nothing_to_send_of_a_cancelled_order(
    client_as: ClientAs, bob: User, order: Order
) -> None:
    refund(order, bob)
    before = OrderMail.objects.count()
    answer = post(client_as(bob), f"/organise/orders/{order.pk}/resend/")
    assert answer.status_code == 409
    assert "The order is cancelled. Nothing was changed." in answer.content.decode()
    assert OrderMail.objects.count() == before


def test_is_for_the_box_office_of_this_organisation(
    client_as: ClientAs, charlie: User, order: Order
) -> None:
    vera = make_member("vera", order.event.organisation, Role.VIEWER)
    before = OrderMail.objects.count()
    for nobody in (charlie, vera):
        answer = post(client_as(nobody), f"/organise/orders/{order.pk}/resend/")
        assert answer.status_code == 404
    assert OrderMail.objects.count() == before
