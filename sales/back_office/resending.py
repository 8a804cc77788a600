"""The confirmation of an order, sent once more to whoever lost it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from accounts import audit
from accounts.models import Role
from sales.back_office.access import events_of
from sales.cancelling import OrderNotFound
from sales.idempotency import Answer, Keyed, store_answer, stored_answer
from sales.models import Order
from sales.order_mail import mail_again
from worldseat.dsql.occ import occ_retry

__all__ = ["send_again"]


@occ_retry(repeatable=True)
def send_again(*, order_id: UUID, user: Any, now: datetime, keyed: Keyed[Order]) -> Order | Answer:
    """Send a paid order's confirmation again, with its tickets as they are now, once for a key.

    For who works in the box office. Raises OrderNotFound, OrderNotPaid and KeyReused.
    """
    if answer := stored_answer(keyed.request, now=now):
        return answer
    own = events_of(user, role=Role.BOX_OFFICE)
    orders = Order.objects.select_related("event", "fan")
    order = orders.filter(pk=order_id, event__in=own).first()
    if order is None:
        raise OrderNotFound
    mail_again(order, now=now)
    audit.record(
        organisation_id=order.event.organisation_id,
        actor=user,
        action="order.mailed_again",
        subject=order,
        changes={"to": [order.fan.email] * 2},
        now=now,
    )
    store_answer(keyed.request, keyed.render(order), now=now)
    return order
