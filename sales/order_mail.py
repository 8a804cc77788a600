"""E-mails to the fan of an order: what is in them, and one sent again on demand.

Rows of OrderMail are made by `telling.draining` of what happened, and sent by `telling.mailing`.
What a mail says of the order is as the order stands when it is sent: a ticket that was exchanged
meanwhile is neither shown nor attached. What happened is as it was then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.guests import link_to
from sales.cancelling import OrderNotFound, OrderNotPaid
from sales.models import Order, OrderMail, OrderState, Ticket, TicketState
from sales.outbox import wake_mail
from sales.printing import ticket_pdf, when, when_at
from worldseat.dsql.occ import occ_retry
from worldseat.mail import Attachment
from worldseat.money import format_money

__all__ = ["Composed", "compose", "mail_again", "resend_order_mail"]

# The templates that bring tickets along.
_WITH_TICKETS = {"order_paid", "ticket_exchanged", "ticket_reissued"}


@dataclass(frozen=True)
class Composed:
    """A mail that can be sent: to whom, what it says, what is attached."""

    to: str
    template: str
    context: dict[str, Any]
    attachments: Sequence[Attachment]


@occ_retry(repeatable=True)
def resend_order_mail(*, order_id: UUID, now: datetime) -> OrderMail:
    """Send a paid order's confirmation again, with its tickets as they are now.

    Who may ask for it is the caller's to check. Raises OrderNotFound, OrderNotPaid. Repeated after
    a lost COMMIT it may be sent twice.
    """
    order = Order.objects.filter(pk=order_id).first()
    if order is None:
        raise OrderNotFound
    return mail_again(order, now=now)


def mail_again(order: Order, *, now: datetime) -> OrderMail:
    """Write the mail of `resend_order_mail`, in the caller's transaction; raises OrderNotPaid."""
    if order.state != OrderState.PAID:
        raise OrderNotPaid(order)
    transaction.on_commit(wake_mail)
    return OrderMail.objects.create(
        order=order, template="order_paid", due_at=now, created_at=now, facts={"again": True}
    )


def compose(mail: OrderMail) -> Composed | None:
    """Return what a mail says, None when nobody reads it. The tickets are read here and now."""
    orders = Order.objects.with_tickets().select_related("event__venue", "fan")
    order = orders.get(pk=mail.order_id)
    if order.fan.is_simulated or order.event.is_simulation:
        return None
    valid = [each for each in order.tickets.all() if each.state == TicketState.VALID]
    context = {
        "name": order.fan.name,
        "reference": order.reference,
        "order_path": link_to(order.fan, f"/orders/{order.pk}/"),
        "is_guest": not order.fan.has_usable_password(),
        "event": _event(order),
        "tickets": [_line(each) for each in valid],
        "total": format_money(order.total_minor - order.refunded_minor, order.currency),
        "fees": format_money(order.fees_minor, order.currency) if order.fees_minor else "",
        "again": bool(mail.facts.get("again")),
        **_happened(mail),
    }
    attachments = (
        [_attachment(order, each) for each in valid] if mail.template in _WITH_TICKETS else []
    )
    return Composed(order.fan.email, mail.template, context, attachments)


def _event(order: Order) -> dict[str, str]:
    event = order.event
    venue = ", ".join(filter(None, [event.venue.name, event.venue.city]))
    return {"name": event.name, "when": when(event), "venue": venue}


def _line(ticket: Ticket) -> dict[str, str]:
    seat = ticket.seat
    return {
        "place": _place(seat.section, seat.row, seat.number),
        "kind": ticket.price_type,
        "price": format_money(ticket.total_minor, ticket.currency),
    }


def _place(section: str, row: str, number: str) -> str:
    parts = [section, f"row {row}" if row else "", f"seat {number}" if number else ""]
    return ", ".join(filter(None, parts))


def _attachment(order: Order, ticket: Ticket) -> Attachment:
    ticket.order = order
    ticket.event = order.event
    ticket.fan = order.fan
    seat = f"{ticket.seat.section}-{ticket.seat.row}-{ticket.seat.number}"
    safe = "".join(each if each.isalnum() or each in "-_" else "-" for each in seat)
    return f"ticket-{order.reference}-{safe}.pdf", ticket_pdf(ticket), "application/pdf"


def _happened(mail: OrderMail) -> dict[str, Any]:
    """Return what the outbox's row says of it: which tickets, what money, what changed."""
    told: Mapping[str, Any] = mail.happened.payload if mail.happened else {}
    found: dict[str, Any] = {}
    if amount := told.get("amount"):
        found["amount_minor"] = amount["amount"]
        found["amount"] = format_money(abs(amount["amount"]), amount["currency"])
    tickets = told.get("tickets") or ([told["ticket"]] if "ticket" in told else [])
    found["of_tickets"] = [
        _place(each["seat"]["section"], each["seat"]["row"], each["seat"]["number"])
        for each in tickets
    ]
    if replaces := told.get("replaces"):
        old = Ticket.objects.select_related("seat").filter(pk=replaces).first()
        if old is not None:
            found["old_place"] = _place(old.seat.section, old.seat.row, old.seat.number)
    if changes := told.get("changes"):
        found["changes"] = _changes(changes, mail)
    return found


def _changes(changes: Mapping[str, Any], mail: OrderMail) -> dict[str, Any]:
    """Return {what: {was, is}} for people to read: times in the venue's time zone."""
    venue = mail.order.event.venue
    found = {}
    if pair := changes.get("starts_at"):
        was, new = (when_at(datetime.fromisoformat(each), venue.zone) for each in pair)
        found["when"] = {"was": was, "new": new}
    if pair := changes.get("venue"):
        found["venue"] = {"was": pair[0], "new": pair[1]}
    if changes.get("cancelled"):
        found["cancelled"] = {"was": "", "new": "cancelled"}
    return found
