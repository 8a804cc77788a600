"""The whole file of an order: what was sold, paid, given back, scanned, and who did it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from accounts.models import AuditEntry
from sales.back_office.access import events_of
from sales.back_office.discretion import discreet, knows_fans_in
from sales.cancelling import OrderNotFound
from sales.models import (
    CounterPayment,
    LedgerEntry,
    Order,
    Payment,
    Refund,
    Scan,
    Ticket,
    TicketState,
)
from sales.refunds import refundable
from worldseat.dsql.occ import occ_retry
from worldseat.money import format_money

__all__ = ["OrderFile", "order_file"]

_ACTIONS = {
    "order.mailed_again": "E-mail sent again",
    "order.refunded": "Refunded",
    "order.sold_at_counter": "Sold at the counter",
    "ticket.exchanged": "Ticket exchanged",
    "ticket.reissued": "New code for a ticket",
}
_CHANGES = {
    "issue": "Printing",
    "paid_by": "Paid by",
    "reason": "Reason",
    "refunded_minor": "Went back",
    "seat": "Seat",
    "to": "To",
    "total_minor": "Price",
    "void": "Void",
}


@dataclass(frozen=True)
class OrderFile:
    """An order with all that belongs to it, each list from the first to the last.

    `left_minor` is what may still go back, in minor units.
    """

    order: Order
    tickets: Sequence[Ticket]
    payments: Sequence[Payment]
    refunds: Sequence[Refund]
    ledger: Sequence[LedgerEntry]
    scans: Sequence[Scan]
    history: Sequence[AuditEntry]
    left_minor: int

    @property
    def valid(self) -> list[Ticket]:
        """The tickets that admit."""
        return [ticket for ticket in self.tickets if ticket.state == TicketState.VALID]


@occ_retry(repeatable=True)
def order_file(*, order_id: UUID, user: Any) -> OrderFile:
    """Read the file of an order of a user's organisation, from one snapshot.

    Whom a viewer may not know is masked in it (discretion). Raises OrderNotFound, also for
    another organisation's.
    """
    orders = Order.objects.select_related(
        "event__venue", "event__organisation", "fan", "box_office_sale__by"
    )
    order = orders.filter(pk=order_id, event__in=events_of(user)).first()
    if order is None:
        raise OrderNotFound
    tickets = Ticket.objects.filter(order=order).select_related("seat__category")
    refunds = Refund.objects.filter(order=order).select_related("by", "payment")
    scans = Scan.objects.filter(ticket__order=order).select_related("ticket__seat", "by")
    knows = order.event.organisation_id in knows_fans_in(user)
    history = AuditEntry.objects.filter(
        organisation=order.event.organisation_id, subject_id=str(order.pk)
    )
    told = [_told(entry, order, knows) for entry in history.order_by("at", "pk")]
    order.fan = discreet(order.fan, knows=knows)
    return OrderFile(
        order=order,
        tickets=list(tickets.order_by("created_at", "seat__position", "seat__guid")),
        payments=list(Payment.objects.filter(order=order).order_by("created_at", "pk")),
        refunds=list(refunds.order_by("created_at", "pk")),
        ledger=list(LedgerEntry.objects.filter(order=order).order_by("created_at", "pk")),
        scans=list(scans.order_by("scanned_at", "pk")),
        history=told,
        left_minor=refundable(order) if order.state in {"paid", "cancelled"} else 0,
    )


def _told(entry: AuditEntry, order: Order, knows: bool) -> AuditEntry:
    """Return an entry in words; without what names fans, for who may not know them."""
    entry.action = _ACTIONS.get(entry.action, entry.action)
    if not knows:
        entry.changes = {}
        if entry.actor_id == order.fan_id:
            entry.actor_label = "the customer"
    entry.changes = {
        _CHANGES.get(name, name): [_in_words(name, each, order.currency) for each in pair]
        for name, pair in entry.changes.items()
    }
    return entry


def _in_words(name: str, value: Any, currency: str) -> Any:
    """Return what stands in the audit log as people read it: money as money."""
    if name.endswith("_minor") and isinstance(value, int):
        return format_money(value, currency)
    if name == "paid_by" and value in CounterPayment:
        return CounterPayment(value).label
    return value
