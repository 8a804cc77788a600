"""The sale: one seat, one fan, one transaction.

**Naive on purpose.** The purchase reads the seat, and if it is available marks it sold: no
lock, no condition in the UPDATE. Two buyers may both read "available"; both then write the
seat's row, and the database's snapshot isolation lets only the first COMMIT. The other gets a
conflict, runs again, and reads "sold". A partial unique index on valid tickets stands behind.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from django.db import connection

from sales.events import check_on_sale
from sales.idempotency import Answer, Keyed, store_answer, stored_answer
from sales.models import (
    Event,
    EventState,
    LedgerEntry,
    LedgerKind,
    Order,
    OrderState,
    Seat,
    SeatStatus,
    Ticket,
    TicketState,
)
from worldseat.dsql.occ import occ_retry

__all__ = ["LimitReached", "SeatTaken", "UnknownSeat", "purchase"]


class UnknownSeat(LookupError):
    """The event has no seat with this id."""


class SeatTaken(Exception):
    """The seat is not available any more."""

    def __init__(self, seat: Seat) -> None:
        super().__init__(f"Seat {seat} is {seat.status}.")
        self.seat = seat


class LimitReached(Exception):
    """The fan has as many tickets as the event allows."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The limit is {limit} tickets a fan.")
        self.limit = limit


def _is_keyed(*, keyed: Keyed[Order] | None = None, **_: object) -> bool:
    """Tell whether a purchase may run again after a COMMIT that got no answer."""
    return keyed is not None


@occ_retry(repeatable=_is_keyed)
def purchase(
    *,
    event_id: UUID,
    seat_id: UUID,
    fan_id: UUID,
    region: str,
    now: datetime,
    keyed: Keyed[Order] | None = None,
) -> Order | Answer:
    """Sell one seat to one fan, paid at once, and return the order.

    With `keyed`, the answer to the request is kept in the same transaction; when the key was
    used before, the first answer comes back instead of an order.

    Raises UnknownSeat, NotOnSale, SeatTaken, LimitReached and KeyReused (nothing is written);
    the database's conflict when it did not settle in time (nothing is written), and
    OutcomeUnknown when COMMIT got no answer.
    """
    if keyed and (answer := stored_answer(keyed.request, now=now)):
        return answer
    order = _sell(_load(event_id, seat_id), fan_id=fan_id, region=region, now=now)
    if keyed:
        store_answer(keyed.request, keyed.render(order), now=now)
    return order


def _load(event_id: UUID, seat_id: UUID) -> Seat:
    seats = Seat.objects.select_related("event", "category")
    seat = seats.filter(pk=seat_id, event_id=event_id).first()
    if seat is None or seat.event.state == EventState.DRAFT or seat.event.plan_id is None:
        raise UnknownSeat
    return seat


def _sell(seat: Seat, *, fan_id: UUID, region: str, now: datetime) -> Order:
    check_on_sale(seat.event, now=now)
    if seat.status != SeatStatus.AVAILABLE:
        raise SeatTaken(seat)
    seat.status = SeatStatus.SOLD
    seat.changed_at = now
    seat.save(update_fields=["status", "changed_at"])
    _use_allowance(seat.event, fan_id)
    return _write_order(seat, fan_id=fan_id, region=region, now=now)


def _use_allowance(event: Event, fan_id: UUID) -> None:
    """Count one more ticket of a fan, on a row that a concurrent purchase of hers writes too.

    One statement, where a read and a write would be two round trips.
    """
    with connection.cursor() as cursor:
        cursor.execute(_USE_ALLOWANCE, [uuid4(), event.pk, fan_id])
        (used,) = cursor.fetchone()
    if used > event.limit_per_fan:
        raise LimitReached(event.limit_per_fan)


_USE_ALLOWANCE = """
    INSERT INTO sales_allowance (id, event_id, fan_id, used) VALUES (%s, %s, %s, 1)
    ON CONFLICT (event_id, fan_id) DO UPDATE SET used = sales_allowance.used + 1
    RETURNING used
"""


def _write_order(seat: Seat, *, fan_id: UUID, region: str, now: datetime) -> Order:
    price, currency = seat.category.price_minor, seat.event.currency
    order = Order.objects.create(
        event=seat.event,
        fan_id=fan_id,
        state=OrderState.PAID,
        total_minor=price,
        currency=currency,
        region=region,
        created_at=now,
    )
    ticket = Ticket.objects.create(
        order=order,
        event=seat.event,
        seat=seat,
        fan_id=fan_id,
        state=TicketState.VALID,
        price_minor=price,
        currency=currency,
        created_at=now,
    )
    LedgerEntry.objects.create(
        event=seat.event,
        order=order,
        kind=LedgerKind.SALE,
        amount_minor=price,
        currency=currency,
        created_at=now,
    )
    _remember_tickets(order, [ticket])
    return order


def _remember_tickets(order: Order, tickets: list[Ticket]) -> None:
    """Let `order.tickets.all()` answer without asking the database for what was just written.

    Django has this for rows it has prefetched, and no public way to say it of rows one has; a
    SELECT instead would be one more round trip inside every sale.
    """
    known = order.tickets.all()
    known._result_cache = tickets
    order._prefetched_objects_cache = {"tickets": known}  # type: ignore[attr-defined] # private
