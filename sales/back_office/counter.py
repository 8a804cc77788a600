"""Selling over the counter: the clerk picks free seats, sells them, and takes the money.

One transaction, like the fans' purchase: it reads the seats, and marks them sold if they are free.
Of a clerk and a fan who want one seat the first to COMMIT has it, and the other is told; so the
clerk sells first, and takes the money when the page says that it is done.

The order is the customer's. With an e-mail address she is the user who has it, or a new one who
cannot log in until she proves that the address is hers; without one she is a user of her own,
whose address is nowhere (`.invalid`, RFC 2606). The clerk's own limit is none of this; the
customer's seats are counted as hers, and no limit stops the counter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.contrib.auth.hashers import make_password

from accounts import audit
from accounts.models import Role, User
from accounts.models.users import normalise_email
from sales.back_office.access import own_event
from sales.contention import counts_conflicts
from sales.events import NotOnSale
from sales.holds import Wanted
from sales.idempotency import Answer, Keyed, store_answer, stored_answer
from sales.limits import count_seats
from sales.models import (
    BoxOfficeSale,
    CounterPayment,
    Event,
    EventState,
    Order,
    OrderState,
    Payment,
    PaymentState,
    PriceType,
    Seat,
    SeatStatus,
)
from sales.pricing import Price, price_of, total_of
from sales.seats import SeatTaken, UnknownSeat
from sales.selling import Line, take_seats, write_tickets
from worldseat.dsql.occ import occ_retry

__all__ = ["MOST_SEATS", "Customer", "sell_at_counter"]

MOST_SEATS = 100
_NOWHERE = "box-office.invalid"


@dataclass(frozen=True)
class Customer:
    """Who buys; both may be empty."""

    name: str = ""
    email: str = ""


@counts_conflicts()
@occ_retry(repeatable=True)
def sell_at_counter(
    *,
    event_id: UUID,
    wanted: Sequence[Wanted],
    clerk: Any,
    paid_by: CounterPayment,
    customer: Customer,
    region: str,
    now: datetime,
    keyed: Keyed[Order],
) -> Order | Answer:
    """Sell seats to a customer at the counter, all or none, and return the paid order.

    Sells while the event is published: also before its sale begins and after it has ended, and
    what is sold to fans under a code only. With `CounterPayment.COMP` nothing is asked for.

    Raises EventNotFound, RoleTooLow, UnknownSeat, NotOnSale, SeatTaken (with every seat that is
    taken) and KeyReused; nothing is written then.
    """
    if answer := stored_answer(keyed.request, now=now):
        return answer
    event = own_event(event_id=event_id, user=clerk, role=Role.BOX_OFFICE)
    if event.state != EventState.PUBLISHED or event.plan_id is None:
        raise NotOnSale(event, f"The event is {event.get_state_display().lower()}.")
    lines = _lines(event, wanted, is_comp=paid_by == CounterPayment.COMP)
    if taken := [line.seat for line in lines if not line.seat.is_free(now)]:
        raise SeatTaken(taken)
    order = _write(event, lines, _customer(customer), region=region, now=now)
    _note(order, clerk, paid_by, now)
    store_answer(keyed.request, keyed.render(order), now=now)
    return order


def _lines(event: Event, wanted: Sequence[Wanted], *, is_comp: bool) -> list[Line]:
    """Read the seats and what they are sold for."""
    ids = {each.seat_id for each in wanted}
    seats = Seat.objects.select_related("category").filter(event=event, pk__in=ids).in_order()
    found = {seat.pk: seat for seat in seats}
    if not wanted or len(found) != len(wanted):
        raise UnknownSeat
    type_ids = {each.price_type_id for each in wanted if each.price_type_id}
    types = PriceType.objects.in_bulk(type_ids) if type_ids else {}
    if len(types) != len(type_ids):
        raise UnknownSeat
    lines = []
    for each in wanted:
        seat = found[each.seat_id]
        price_type = types.get(each.price_type_id) if each.price_type_id else None
        if each.price_type_id and (
            price_type is None or price_type.category_id != seat.category_id
        ):
            raise UnknownSeat
        if is_comp:
            lines.append(Line(seat, Price(0, 0), note=CounterPayment.COMP.label))
        else:
            lines.append(Line(seat, price_of(event, seat.category, price_type), price_type))
    return lines


def _customer(customer: Customer) -> User:
    """Return the customer's user, made if need be; in the caller's transaction."""
    email = normalise_email(customer.email)
    if email and (known := User.objects.filter(email=email).first()):
        return known
    # Where two make her at one instant, the second has a conflict and looks again.
    made = User(
        id=uuid4(),
        email=email or f"{uuid4().hex}@{_NOWHERE}",
        name=customer.name,
        password=make_password(None),
    )
    User.objects.bulk_create([made], ignore_conflicts=True)
    return made


def _write(event: Event, lines: Sequence[Line], fan: User, *, region: str, now: datetime) -> Order:
    seats = [line.seat for line in lines]
    take_seats(seats, status=SeatStatus.SOLD, now=now)
    count_seats(event, fan.pk, seats)
    total = total_of(line.price for line in lines)
    order = Order.objects.create(
        event=event,
        fan=fan,
        state=OrderState.PAID,
        total_minor=total.total_minor,
        fees_minor=total.fee_minor,
        currency=event.currency,
        region=region,
        created_at=now,
    )
    write_tickets(order, lines, now=now)
    return order


def _note(order: Order, clerk: Any, paid_by: CounterPayment, now: datetime) -> None:
    """Write down the money, who sold it, and that in the audit log."""
    Payment.objects.create(
        order=order,
        provider="box_office",
        reference=paid_by,
        state=PaymentState.CAPTURED,
        amount_minor=order.total_minor,
        currency=order.currency,
        created_at=now,
        changed_at=now,
    )
    BoxOfficeSale.objects.create(order=order, by_id=clerk.pk, paid_by=paid_by, sold_at=now)
    audit.record(
        organisation_id=order.event.organisation_id,
        actor=clerk,
        action="order.sold_at_counter",
        subject=order,
        changes={"paid_by": [None, paid_by], "total_minor": [None, order.total_minor]},
        now=now,
    )
