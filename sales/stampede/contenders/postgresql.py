"""PostgreSQL: the naive purchase at its default isolation, and two ways to make it safe there.

`read-committed` is `sales.purchases.purchase` itself, the same function with the same retry, on a
connection at READ COMMITTED to tables that lack the unique index. The other two differ from it in
one statement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from inspect import unwrap
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import IsolationLevel

from sales.books import book_faults
from sales.idempotency import Answer, Keyed, store_answer, stored_answer
from sales.limits import use_allowance
from sales.models import Order, OrderState, Seat, SeatStatus
from sales.pricing import price_of
from sales.purchases import purchase
from sales.seats import SeatTaken
from sales.selling import Line, write_tickets
from sales.stampede.buyers import Sell, buyer_of
from sales.stampede.contenders import foil_tables
from sales.stampede.contenders.base import Found, Run
from sales.stampede.contenders.product import BuyerShop
from sales.stampede.evidence import see_seats, see_tickets
from sales.stampede.options import Options
from worldseat.dsql.occ import occ_retry

__all__ = ["CONDITIONAL_UPDATE", "READ_COMMITTED", "SELECT_FOR_UPDATE"]


@occ_retry(repeatable=True)
def purchase_locked(**wish: Any) -> Order | Answer:
    """Lock the seat's row, then purchase as ever: its reads see what the row has become.

    True at READ COMMITTED, where a statement sees what was committed before it began.
    """
    list(Seat.objects.select_for_update().filter(pk=wish["seat_id"]).values_list("pk"))
    naive: Callable[..., Order | Answer] = unwrap(purchase)
    return naive(**wish)


@occ_retry(repeatable=True)
def purchase_conditionally(
    *,
    event_id: UUID,
    seat_id: UUID,
    fan_id: UUID,
    region: str,
    now: datetime,
    keyed: Keyed[Order],
) -> Order | Answer:
    """Mark the seat sold if it is available, in one statement; then write as the purchase does."""
    if answer := stored_answer(keyed.request, now=now):
        return answer
    seat = Seat.objects.select_related("event", "category").get(pk=seat_id, event_id=event_id)
    took = Seat.objects.filter(pk=seat_id, status=SeatStatus.AVAILABLE).update(
        status=SeatStatus.SOLD, changed_at=now
    )
    if not took:
        raise SeatTaken([seat])
    use_allowance(seat.event, fan_id, [seat], now=now)
    price = price_of(seat.event, seat.category, None)
    order = Order.objects.create(
        event=seat.event,
        fan_id=fan_id,
        state=OrderState.PAID,
        total_minor=price.total_minor,
        fees_minor=price.fee_minor,
        currency=seat.event.currency,
        region=region,
        created_at=now,
    )
    write_tickets(order, [Line(seat, price)], now=now)
    store_answer(keyed.request, keyed.render(order), now=now)
    return order


class _FoilShop(BuyerShop):
    """A shop whose threads have the foil for their database."""

    def __init__(self, run: Run, sell: Sell) -> None:
        super().__init__(run, buyer_of(sell))

    def enter(self) -> None:
        """Connect the thread to the foil."""
        foil = foil_tables.foil_connection(self._run, IsolationLevel.READ_COMMITTED)
        connections[DEFAULT_DB_ALIAS].close()
        connections[DEFAULT_DB_ALIAS] = foil
        foil.ensure_connection()


class PostgreSQL:
    """A way to sell on PostgreSQL at READ COMMITTED."""

    sells_product = False

    def __init__(self, name: str, title: str, sell: Sell) -> None:
        self.name = name
        self.title = title
        self._sell = sell

    def require(self, options: Options) -> None:
        """Ask for a PostgreSQL."""
        foil_tables.server()

    def describe(self, options: Options) -> str:
        """Say at which isolation it runs."""
        return "PostgreSQL at READ COMMITTED, connected to directly; no unique index"

    def prepare(self, run: Run) -> None:
        """Make the tables."""
        foil_tables.make(run)

    @contextmanager
    def open(self, run: Run, region: str, fans: Sequence[UUID]) -> Iterator[_FoilShop]:
        """Open a region's shop."""
        yield _FoilShop(run, self._sell)

    def look(self, run: Run) -> Found:
        """Read the foil's tables in one snapshot, as the witness reads ours."""
        with foil_tables.on_foil(run, IsolationLevel.REPEATABLE_READ):
            return _look(run)

    def drop(self, run: Run) -> None:
        """Drop the tables."""
        foil_tables.drop(run)


@occ_retry(repeatable=True)
def _look(run: Run) -> Found:
    seats = see_seats(run.event_id, run.seat_id)
    return Found(seats, see_tickets(seats), list(book_faults(run.event_id)))


READ_COMMITTED = PostgreSQL(
    "read-committed", "PostgreSQL READ COMMITTED, the naive purchase", purchase
)
SELECT_FOR_UPDATE = PostgreSQL(
    "select-for-update", "PostgreSQL, SELECT ... FOR UPDATE", purchase_locked
)
CONDITIONAL_UPDATE = PostgreSQL(
    "conditional-update", "PostgreSQL, UPDATE ... WHERE available", purchase_conditionally
)
