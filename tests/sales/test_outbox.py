"""What happens is in the outbox, in the transaction in which it happened, in an order."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from sales.cancelling import refund_order
from sales.exchanges import exchange
from sales.idempotency import Answer, Keyed
from sales.models import EventKind, Order, OutboxEvent, Seat
from sales.scanning import admit
from sales.seats import SeatTaken
from sales.ticket_codes import read_code
from sales.tickets import code_of, reissue
from tests.helpers.cast import make_user
from tests.helpers.payments import key_of, paid
from tests.helpers.purchases import buy

pytestmark = pytest.mark.django_db(transaction=True)


def keyed(user: User, key: str) -> Keyed[Any]:
    return Keyed(key_of(user, key=key), render=lambda done: Answer(200, {}))


def kinds() -> list[str]:
    return [row.kind for row in OutboxEvent.objects.order_by("sequence")]


def test_a_sale_is_told_as_it_was_at_its_commit(seat: Seat, fay: User) -> None:
    order = buy(seat, fay)
    assert isinstance(order, Order)
    row = OutboxEvent.objects.get()
    assert (row.kind, row.subject_id) == (EventKind.ORDER_PAID, order.pk)
    assert row.organisation_id == seat.event.organisation_id
    assert row.payload["order"]["total"] == {"amount": 4500, "currency": "EUR"}
    (ticket,) = row.payload["tickets"]
    assert ticket["seat"]["guid"] == "Floor-A-1"


def test_a_sale_that_is_refused_is_not_told(seat: Seat, fay: User) -> None:
    buy(seat, fay)
    with pytest.raises(SeatTaken):
        buy(seat, make_user("late"))
    assert len(kinds()) == 1


def test_what_happens_to_an_order_is_told_in_its_order(
    seats: list[Seat], fay: User, alice: User
) -> None:
    order = paid(seats[:3], fay)
    first, second, third = order.tickets.all()
    # The clock of who comes later may be behind.
    early = timezone.now() - timedelta(minutes=5)
    reissued = reissue(ticket_id=first.pk, user=fay, now=early)
    admit(code=read_code(code_of(reissued)), user=alice, scan_id=order.pk, gate="North", now=early)
    exchange(
        ticket_id=second.pk,
        seat_id=seats[4].pk,
        user=alice,
        at_box_office=True,
        keyed=keyed(alice, "exchange"),
        now=early,
    )
    refund_order(
        order_id=order.pk,
        user=alice,
        ticket_ids=[third.pk],
        keyed=keyed(alice, "some"),
        now=early,
    )
    refund_order(order_id=order.pk, user=alice, keyed=keyed(alice, "rest"), now=early)
    assert kinds() == [
        EventKind.ORDER_PAID,
        EventKind.TICKET_REISSUED,
        EventKind.TICKET_ADMITTED,
        EventKind.TICKET_EXCHANGED,
        EventKind.ORDER_REFUNDED,
        EventKind.ORDER_CANCELLED,
    ]
    rows = list(OutboxEvent.objects.order_by("sequence"))
    assert len({row.sequence for row in rows}) == len(rows)
    assert {row.subject_id for row in rows} == {order.pk}
    assert rows[2].payload["gate"] == "North"
    assert rows[3].payload["replaces"] == str(second.pk)
    assert rows[4].payload["amount"] == {"amount": 4500, "currency": "EUR"}
