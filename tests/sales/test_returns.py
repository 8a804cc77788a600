"""Tickets given back: what comes back to the sale, to the fan, and to her limits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from sales.books import book_faults, check_books
from sales.cancelling import Refunded
from sales.codes import CodeRequired
from sales.events import NotOnSale
from sales.limits import LimitReached
from sales.models import (
    Allowance,
    CategoryAllowance,
    Event,
    LedgerEntry,
    Order,
    Payment,
    PresaleCode,
    PriceCategory,
    PriceType,
    Refund,
    Seat,
    SeatStatus,
    Ticket,
)
from sales.payments.scripted import remembered
from sales.refunds import complete_refunds
from sales.seats import SeatTaken
from sales.tickets import TicketUsed
from tests.helpers.payments import LATER, assert_sound, hold, keyed, paid, pay
from tests.helpers.purchases import buy
from tests.helpers.returns import cancel, refund, swap

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("instant_retries"),
]


@pytest.fixture
def lenient(event: Event, now: datetime) -> Event:
    """The event lets fans cancel and exchange by themselves."""
    Event.objects.update(fans_cancel_until=now + timedelta(days=1), fee_minor=300)
    event.refresh_from_db()
    return event


def refunded(order: Order) -> int:
    order.refresh_from_db()
    return order.refunded_minor


def status(seat: Seat) -> str:
    return Seat.objects.get(pk=seat.pk).status


def test_cancelling_gives_all_back(lenient: Event, seats: list[Seat], fay: User) -> None:
    code = _code(lenient, cap=2)
    held = hold(seats[:2], fay, code=code.code)
    pay(held, fay)
    order = Order.objects.get()
    assert (order.total_minor, order.fees_minor) == (9600, 600)
    cancel(order)
    assert refunded(order) == 9600
    assert [status(seat) for seat in seats[:2]] == ["available"] * 2
    assert Allowance.objects.get().used == 0
    code.refresh_from_db()
    assert code.used == 0
    assert list(LedgerEntry.objects.order_by("created_at").values_list("amount_minor")) == [
        (9600,),
        (-9600,),
    ]
    assert_sound(lenient)
    paid(seats[:2], fay, key="again")
    assert_sound(lenient)


def _code(event: Event, **fields: Any) -> PresaleCode:
    now = timezone.now()
    window = {"valid_from": now - LATER, "valid_until": now + LATER}
    return PresaleCode.objects.create(event=event, code="EARLY", **{**window, **fields})


def test_cancelling_what_was_bought_with_one_request_asks_no_provider(
    lenient: Event, seat: Seat, fay: User
) -> None:
    order = buy(seat, fay)
    assert isinstance(order, Order)
    cancel(order)
    only = Refund.objects.get()
    assert (only.state, only.payment, only.amount_minor) == ("done", None, 4800)
    assert_sound(lenient)


def test_cancelling_after_a_partial_refund_gives_the_rest(
    lenient: Event, seats: list[Seat], fay: User, bob: User
) -> None:
    order = paid(seats[:2], fay)
    one = order.tickets.get(seat=seats[0])
    refund(order, bob, ticket_ids=[one.pk], amount_minor=4000, key="kept 800")
    cancel(order)
    assert refunded(order) == 4000 + 4800
    assert_sound(lenient)


def test_a_refund_without_an_answer_is_asked_for_again(
    lenient: Event, seat: Seat, fay: User
) -> None:
    order = paid([seat], fay, "tok_refund_late")
    cancel(order)
    pending = Refund.objects.get()
    assert pending.state == "pending"
    assert_sound(lenient)
    assert complete_refunds(clock=timezone.now) == 0
    assert complete_refunds(clock=lambda: timezone.now() + LATER) == 1
    pending.refresh_from_db()
    assert pending.state == "done"
    assert pending.reference
    assert _memory()["refunded"] == "4800"
    assert "overdrawn" not in _memory()


def _memory() -> dict[str, str]:
    return remembered(Payment.objects.get().pk)


def test_a_refund_that_is_refused_is_for_the_organiser_to_see(
    lenient: Event, seat: Seat, fay: User
) -> None:
    cancel(paid([seat], fay, "tok_refund_refused"))
    failed = Refund.objects.get()
    assert (failed.state, failed.reason) == (
        "failed",
        "Cancelled by the fan. (refused: The card was closed.)",
    )
    assert complete_refunds(clock=lambda: timezone.now() + LATER) == 0
    assert_sound(lenient)


def test_a_refund_takes_what_was_not_captured_yet_first(
    lenient: Event, seat: Seat, fay: User
) -> None:
    cancel(paid([seat], fay, "tok_capture_late"))
    assert _memory()["captures"] == "1"
    assert "overdrawn" not in _memory()
    assert Refund.objects.get().state == "done"


def test_a_refund_of_admitted_tickets_is_the_organisers_to_decide(
    lenient: Event, seat: Seat, fay: User, bob: User, now: datetime
) -> None:
    order = paid([seat], fay)
    Ticket.objects.update(admitted_at=now)
    with pytest.raises(TicketUsed):
        cancel(order)
    assert isinstance(refund(order, bob, reason="Rained off"), Refunded)
    by = Refund.objects.get()
    assert (by.by, by.reason, by.amount_minor) == (bob, "Rained off", 4800)


def test_money_alone_may_go_back_for_what_was_kept(
    lenient: Event, seat: Seat, fay: User, bob: User
) -> None:
    order = paid([seat], fay)
    refund(order, bob, ticket_ids=[order.tickets.get().pk], amount_minor=0, key="1")
    order.refresh_from_db()
    assert (order.state, order.refunded_minor) == ("cancelled", 0)
    assert status(seat) == SeatStatus.AVAILABLE
    assert_sound(lenient)
    refund(order, bob, amount_minor=4800, key="2")
    assert refunded(order) == 4800
    assert_sound(lenient)


def test_an_exchange_gives_the_difference_back(
    lenient: Event, seats: list[Seat], fay: User
) -> None:
    PriceCategory.objects.update(limit_per_fan=4)
    order = paid(seats[:1], fay)
    done = swap(order.tickets.get(), seats[6], fay)
    assert (done.paid_minor, done.ticket.price_minor, done.ticket.fee_minor) == (-2000, 2500, 300)
    assert (status(seats[0]), status(seats[6])) == ("available", "sold")
    assert refunded(order) == 2000
    assert Allowance.objects.get().used == 1
    used = CategoryAllowance.objects.order_by("category__price_minor")
    assert [each.used for each in used] == [1, 0]
    assert_sound(lenient)
    cancel(order)
    assert refunded(order) == 4800
    assert_sound(lenient)


def test_an_exchange_keeps_the_kind_of_price(
    lenient: Event, seats: list[Seat], fay: User, bob: User
) -> None:
    for category, price in ((seats[0].category, 1000), (seats[6].category, 500)):
        PriceType.objects.create(category=category, name="Child", price_minor=price)
    child = PriceType.objects.get(category=seats[0].category)
    order = buy(seats[0], fay, price_type_id=child.pk)
    assert isinstance(order, Order)
    done = swap(order.tickets.get(), seats[6], fay)
    assert (done.ticket.price_type, done.ticket.price_minor, done.paid_minor) == (
        "Child",
        500,
        -500,
    )
    adult = swap(done.ticket, seats[0], bob, at_box_office=True, price_type_id=None)
    assert adult.ticket.price_type == "Child"
    assert_sound(lenient)


def test_a_dearer_exchange_is_paid_at_the_box_office_and_refunded_in_parts(
    lenient: Event, seats: list[Seat], fay: User, bob: User
) -> None:
    order = paid(seats[6:7], fay)
    done = swap(order.tickets.get(), seats[0], bob, at_box_office=True)
    assert done.paid_minor == 2000
    order.refresh_from_db()
    assert order.total_minor == 4800
    assert_sound(lenient)
    cancel(order)
    parts = Refund.objects.order_by("-amount_minor").values_list(
        "payment__provider", "amount_minor"
    )
    assert list(parts) == [("test", 2800), ("box_office", 2000)]
    assert set(Refund.objects.values_list("state", flat=True)) == {"done"}
    assert_sound(lenient)


def test_an_exchange_at_the_same_price_moves_no_money(
    lenient: Event, seats: list[Seat], fay: User
) -> None:
    order = paid(seats[:1], fay)
    done = swap(order.tickets.get(), seats[1], fay)
    assert done.paid_minor == 0
    assert not Refund.objects.exists()
    assert LedgerEntry.objects.count() == 1
    assert_sound(lenient)


def test_an_exchange_counts_against_the_limit_of_the_new_category(
    lenient: Event, seats: list[Seat], fay: User
) -> None:
    Event.objects.update(limit_per_fan=2)
    PriceCategory.objects.filter(name="Back").update(limit_per_fan=1)
    order = paid([seats[0], seats[6]], fay)
    front, back = order.tickets.all()
    with pytest.raises(LimitReached):
        swap(front, seats[7], fay)
    assert status(seats[7]) == SeatStatus.AVAILABLE
    swap(back, seats[7], fay, key="as many as before")
    assert_sound(lenient)


def test_an_exchange_is_refused_where_a_sale_would_be(
    lenient: Event, seats: list[Seat], fay: User, charlie: User, bob: User
) -> None:
    ticket = paid(seats[:1], fay).tickets.get()
    buy(seats[1], charlie)
    with pytest.raises(SeatTaken):
        swap(ticket, seats[1], fay)
    with pytest.raises(SeatTaken):
        swap(ticket, seats[0], fay)
    PriceCategory.objects.filter(name="Back").update(code_required=True)
    with pytest.raises(CodeRequired):
        swap(ticket, seats[6], fay)
    Event.objects.update(state="paused")
    with pytest.raises(NotOnSale):
        swap(ticket, seats[2], fay)
    assert_sound(lenient)
    swap(ticket, seats[6], bob, at_box_office=True)
    assert_sound(lenient)


def test_an_exchange_under_a_capped_code_stays_under_it(
    lenient: Event, seats: list[Seat], fay: User
) -> None:
    code = _code(lenient, cap=1)
    pay(hold(seats[:1], fay, code=code.code), fay, keyed=keyed(fay))
    done = swap(Ticket.objects.get(), seats[1], fay)
    assert done.ticket.code == code
    code.refresh_from_db()
    assert code.used == 1
    assert_sound(lenient)


def test_books_that_do_not_add_up_are_found(lenient: Event, seats: list[Seat], fay: User) -> None:
    order = paid(seats[:2], fay)
    swap(order.tickets.all()[0], seats[6], fay)
    assert check_books(event_id=lenient.pk) == []
    for spoil in (
        lambda: LedgerEntry.objects.filter(kind="sale").update(amount_minor=1),
        lambda: LedgerEntry.objects.filter(kind="refund").delete(),
        lambda: Refund.objects.update(amount_minor=1),
        lambda: Refund.objects.update(tickets_minor=1),
        lambda: Payment.objects.update(amount_minor=1),
        lambda: Order.objects.update(refunded_minor=0),
        lambda: Order.objects.update(state="failed"),
        lambda: Ticket.objects.filter(state="valid").update(price_minor=1),
        lambda: Ticket.objects.filter(state="valid").update(currency="USD"),
        lambda: Ticket.objects.update(state="void"),
    ):
        with undone():
            spoil()
            assert list(book_faults(lenient.pk)), spoil
    assert check_books(event_id=lenient.pk) == []


@contextmanager
def undone() -> Iterator[None]:
    """Do something, and undo it."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
