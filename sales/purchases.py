"""The sale: one seat, one fan, one transaction.

**Naive on purpose.** The purchase reads the seat, and if it is available marks it sold: no
lock, no condition in the UPDATE. Two buyers may both read "available"; both then write the
seat's row, and the database's snapshot isolation lets only the first COMMIT. The other gets a
conflict, runs again, and reads "sold". A partial unique index on valid tickets stands behind.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sales.codes import check_code, find_code, use_code
from sales.contention import counts_conflicts
from sales.idempotency import Answer, Keyed, store_answer, stored_answer
from sales.limits import use_allowance
from sales.models import Order, OrderState, Seat, SeatStatus
from sales.pricing import price_of
from sales.seats import SeatTaken, UnknownSeat
from sales.selling import Line, price_type_of, take_seats, write_tickets
from sales.waiting_room.tokens import check_pass
from worldseat.dsql.occ import occ_retry

__all__ = ["purchase"]


def _is_keyed(*, keyed: Keyed[Order] | None = None, **_: object) -> bool:
    """Tell whether a purchase may run again after a COMMIT that got no answer."""
    return keyed is not None


@counts_conflicts()
@occ_retry(repeatable=_is_keyed)
def purchase(
    *,
    event_id: UUID,
    seat_id: UUID,
    fan_id: UUID,
    region: str,
    now: datetime,
    price_type_id: UUID | None = None,
    code: str = "",
    queue_pass: str = "",
    keyed: Keyed[Order] | None = None,
) -> Order | Answer:
    """Sell one seat to one fan, paid at once, and return the order.

    With `keyed`, the answer to the request is kept in the same transaction; when the key was
    used before, the first answer comes back instead of an order.

    Raises UnknownSeat, NotOnSale, QueuePassRequired, CodeRequired, CodeExhausted, SeatTaken,
    LimitReached and KeyReused (nothing is written); the database's conflict when it did not
    settle in time (nothing is written), and OutcomeUnknown when COMMIT got no answer.
    """
    if keyed and (answer := stored_answer(keyed.request, now=now)):
        return answer
    seat = _load(event_id, seat_id)
    check_pass(seat.event, fan_id=fan_id, text=queue_pass, now=now)
    order = _sell(_line(seat, price_type_id), fan_id=fan_id, code_text=code, region=region, now=now)
    if keyed:
        store_answer(keyed.request, keyed.render(order), now=now)
    return order


def _load(event_id: UUID, seat_id: UUID) -> Seat:
    seats = Seat.objects.select_related("event", "category")
    seat = seats.filter(pk=seat_id, event_id=event_id).first()
    if seat is None or not seat.event.is_public:
        raise UnknownSeat
    return seat


def _line(seat: Seat, price_type_id: UUID | None) -> Line:
    price_type = price_type_of(seat, price_type_id)
    return Line(seat, price_of(seat.event, seat.category, price_type), price_type)


def _sell(line: Line, *, fan_id: UUID, code_text: str, region: str, now: datetime) -> Order:
    seat, event = line.seat, line.seat.event
    code = find_code(event, code_text, now=now)
    check_code(event, [seat], code, now=now)
    if not seat.is_free(now):
        raise SeatTaken([seat])
    take_seats([seat], status=SeatStatus.SOLD, now=now)
    use_allowance(event, fan_id, [seat], now=now)
    use_code(code, 1, now=now)
    order = Order.objects.create(
        event=event,
        fan_id=fan_id,
        state=OrderState.PAID,
        total_minor=line.price.total_minor,
        fees_minor=line.price.fee_minor,
        currency=event.currency,
        region=region,
        created_at=now,
    )
    write_tickets(order, [line], code=code, now=now)
    return order
