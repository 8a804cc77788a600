"""Orders, tickets and the door list as rows for a file, however many there are.

The rows come in batches by keyset, each batch from a snapshot of its own, so nothing is held but
one batch: an order that is changed while the file is written is in it as it was before, or as it
is after. What the columns mean is in docs/organising.md; new ones are added at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeAlias
from uuid import UUID

from sales.back_office.discretion import discreet
from sales.back_office.door_list import door_batch
from sales.models import Order, Ticket, TicketState
from worldseat.dsql.occ import occ_retry
from worldseat.keyset import Keyset
from worldseat.money import as_decimal

__all__ = ["DOOR_LIST", "ORDERS", "TICKETS", "Cell", "Columns", "rows_of", "utc"]

Cell: TypeAlias = str | int | Decimal | None
_A_BATCH = 200

Columns: TypeAlias = Sequence[str]
ORDERS: Columns = (
    *("order", "state", "created_at", "customer_name", "customer_email"),
    *("tickets_valid", "tickets_void", "total", "fees", "refunded", "net", "currency"),
    *("sold_by", "paid_by", "region"),
)
TICKETS: Columns = (
    *("order", "ticket", "state", "section", "row", "seat", "category", "price_type"),
    *("price", "fee", "currency", "customer_name", "customer_email"),
    *("created_at", "voided_at", "printing", "admitted_at"),
)
DOOR_LIST: Columns = (
    *("name", "email", "section", "row", "seat", "category", "price_type", "order", "ticket"),
    "admitted_at",
)


def utc(instant: datetime | None) -> str | None:
    """Write a time as UTC, ISO 8601: `2026-11-26T09:30:00Z`; None for none."""
    return None if instant is None else f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def rows_of(
    columns: Columns, *, event_id: UUID, knows: bool, by: str = "seat"
) -> Iterator[Sequence[Cell]]:
    """Yield the rows of one of the lists; `by` sorts the door list, by `name` or by `seat`.

    Fans are masked for who does not know them (discretion).
    """
    if columns is DOOR_LIST:
        yield from _door_rows(event_id, by, knows)
        return
    as_rows = _order_rows if columns is ORDERS else _ticket_rows
    after: str | None = ""
    while after is not None:
        batch, after = _orders(event_id=event_id, after=after)
        for order, tickets in batch:
            order.fan = discreet(order.fan, knows=knows)
            yield from as_rows(order, tickets)


@occ_retry(repeatable=True)
def _orders(*, event_id: UUID, after: str) -> tuple[list[tuple[Order, list[Ticket]]], str | None]:
    """Return a batch of orders with their tickets, and where the next begins; None: nowhere."""
    orders = Order.objects.filter(event=event_id).select_related("fan", "box_office_sale__by")
    page = Keyset(orders.order_by("created_at", "pk")).page(after, _A_BATCH)
    found = page.rows
    # Not prefetched: orders and tickets that know each other are cycles, and stay until collected.
    tickets: dict[UUID, list[Ticket]] = {order.pk: [] for order in found}
    of_them = Ticket.objects.filter(order__in=list(tickets)).select_related("seat__category")
    for ticket in of_them.order_by("seat__position", "pk"):
        tickets[ticket.order_id].append(ticket)
    return [(order, tickets[order.pk]) for order in found], page.following or None


def _order_rows(order: Order, tickets: Sequence[Ticket]) -> Iterator[Sequence[Cell]]:
    valid = sum(ticket.state == TicketState.VALID for ticket in tickets)
    sale: Any = getattr(order, "box_office_sale", None)
    # What never was paid was not asked for in the end.
    total = order.total_minor if order.state in {"paid", "cancelled"} else 0
    amounts = (total, order.fees_minor if total else 0, order.refunded_minor)
    yield (
        order.reference,
        order.state,
        utc(order.created_at),
        order.fan.name,
        order.fan.mailbox,
        valid,
        len(tickets) - valid,
        *(as_decimal(amount, order.currency) for amount in amounts),
        as_decimal(total - order.refunded_minor, order.currency),
        order.currency,
        sale.by.email if sale else None,
        sale.paid_by if sale else None,
        order.region,
    )


def _ticket_rows(order: Order, tickets: Sequence[Ticket]) -> Iterator[Sequence[Cell]]:
    for ticket in tickets:
        seat = ticket.seat
        yield (
            order.reference,
            str(ticket.pk),
            ticket.state,
            seat.section,
            seat.row,
            seat.number,
            seat.category.name,
            ticket.price_type,
            as_decimal(ticket.price_minor, ticket.currency),
            as_decimal(ticket.fee_minor, ticket.currency),
            ticket.currency,
            order.fan.name,
            order.fan.mailbox,
            utc(ticket.created_at),
            utc(ticket.voided_at),
            ticket.issue,
            utc(ticket.admitted_at),
        )


def _door_rows(event_id: UUID, by: str, knows: bool) -> Iterator[Sequence[Cell]]:
    after = ""
    while True:
        page = door_batch(event_id=event_id, by=by, after=after, size=_A_BATCH, knows=knows)
        for ticket in page.rows:
            seat = ticket.seat
            yield (
                ticket.fan.name,
                ticket.fan.mailbox,
                seat.section,
                seat.row,
                seat.number,
                seat.category.name,
                ticket.price_type,
                ticket.order.reference,
                str(ticket.pk),
                utc(ticket.admitted_at),
            )
        if not page.following:
            return
        after = page.following
