"""The books: do orders, tickets, payments, refunds and the ledger of an event agree?

Order by order: what the valid tickets cost (fees included) and what the void ones had cost is what
was asked for; so says the ledger, and so do the payments. What went back is in refunds and in the
ledger, and never more than was paid. One snapshot: it may be asked at any time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from sales.models import (
    LedgerEntry,
    LedgerKind,
    Order,
    OrderState,
    Payment,
    PaymentState,
    Refund,
    Ticket,
    TicketState,
)
from worldseat.dsql.occ import occ_retry

__all__ = ["book_faults", "check_books"]


@dataclass
class _Account:
    """What the tables say of one order, in minor units."""

    order: Order
    tickets: int = 0
    tickets_minor: int = 0
    charged_minor: int = 0
    returned_minor: int = 0
    refunds_minor: int = 0
    voided_minor: int = 0
    paid_minor: int = 0
    captured_minor: int = 0
    currencies: set[str] = field(default_factory=set)

    def faults(self) -> Iterator[str]:
        """Yield what must not be."""
        order = self.order
        sold = order.state in {OrderState.PAID, OrderState.CANCELLED}
        total = order.total_minor if sold else 0
        yield from _differ("charged in the ledger", self.charged_minor, total)
        yield from _differ("returned in the ledger", self.returned_minor, order.refunded_minor)
        yield from _differ("in refunds", self.refunds_minor, order.refunded_minor)
        yield from _differ("in valid tickets", self.tickets_minor, total - self.voided_minor)
        if order.refunded_minor > total:
            yield f"{order.refunded_minor} went back of {total}"
        if order.hold_id:
            yield from _differ("paid", self.paid_minor, total)
        if order.state == OrderState.FAILED and self.captured_minor:
            yield f"{self.captured_minor} captured, and the order has failed"
        if (order.state == OrderState.PAID) != (self.tickets > 0):
            yield f"{order.state} with {self.tickets} valid tickets"
        if self.currencies - {order.currency}:
            yield f"in {order.currency} and in {', '.join(sorted(self.currencies))}"


def _differ(what: str, found: int, expected: int) -> Iterator[str]:
    if found != expected:
        yield f"{found} {what}, and {expected} expected"


@occ_retry(repeatable=True)
def check_books(*, event_id: UUID) -> list[str]:
    """Return a sentence for each order of an event that does not add up; none, if all do."""
    return list(book_faults(event_id))


def book_faults(event_id: UUID) -> Iterator[str]:
    """Yield what does not add up, in the caller's transaction: all orders of the event are read."""
    orders = Order.objects.filter(event=event_id)
    accounts = {order.pk: _Account(order) for order in orders}
    of_event = {"order__event": event_id}
    valid = Ticket.objects.filter(**of_event, state=TicketState.VALID)
    for ticket in valid:
        account = accounts[ticket.order_id]
        account.tickets += 1
        account.tickets_minor += ticket.total_minor
        account.currencies.add(ticket.currency)
    for line in LedgerEntry.objects.filter(**of_event):
        account = accounts[line.order_id]
        account.currencies.add(line.currency)
        if line.kind == LedgerKind.SALE:
            account.charged_minor += line.amount_minor
        else:
            account.returned_minor -= line.amount_minor
    _add_payments(accounts, event_id)
    for account in accounts.values():
        for fault in account.faults():
            yield f"Order {account.order.reference}: {fault}."


def _add_payments(accounts: dict[UUID, _Account], event_id: UUID) -> None:
    for refund in Refund.objects.filter(order__event=event_id):
        accounts[refund.order_id].refunds_minor += refund.amount_minor
        accounts[refund.order_id].voided_minor += refund.tickets_minor
    for payment in Payment.objects.filter(order__event=event_id):
        account = accounts[payment.order_id]
        sold = account.order.state in {OrderState.PAID, OrderState.CANCELLED}
        if sold and payment.state in {PaymentState.AUTHORIZED, PaymentState.CAPTURED}:
            account.paid_minor += payment.amount_minor
        if payment.state == PaymentState.CAPTURED:
            account.captured_minor += payment.amount_minor
