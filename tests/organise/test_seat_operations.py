"""What organisers do to seats, each with what came of it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from accounts.models import User
from sales.back_office.access import RoleTooLow
from sales.books import check_books
from sales.events import EventNotFound
from sales.models import Allowance, Event, Order, PriceCategory, Seat, SeatStatus, Ticket
from sales.organising.operations import Operation
from sales.organising.seat_jobs import BadOperation, NothingSelected
from tests.helpers.bulk_jobs import do, outcomes, plan, start
from tests.helpers.purchases import buy

pytestmark = pytest.mark.django_db(transaction=True)

BLOCK = Operation(kind="block", reason="Camera")


def test_paints_seats(event: Event, alice: User, seats: list[Seat]) -> None:
    back = PriceCategory.objects.get(event=event, name="Back")
    before = seats[0].changed_at
    job = do(event, alice, Operation(kind="paint", category=str(back.pk)), seats[4:8])
    assert job.state == "done"
    assert job.report == {"changed": 2, "unchanged": 2}
    assert outcomes(job) == {
        "A-5": ("changed", ""),
        "A-6": ("changed", ""),
        "B-1": ("unchanged", ""),
        "B-2": ("unchanged", ""),
    }
    assert back.seats.count() == 8
    assert Seat.objects.get(pk=seats[4].pk).changed_at > before


def test_blocks_with_a_reason_and_releases(event: Event, alice: User, seats: list[Seat]) -> None:
    do(event, alice, BLOCK, seats[:2])
    seats[0].refresh_from_db()
    assert (seats[0].status, seats[0].block_reason) == (SeatStatus.BLOCKED, "Camera")
    job = do(event, alice, Operation(kind="release"), seats[:3])
    assert job.report == {"changed": 2, "unchanged": 1}
    seats[0].refresh_from_db()
    assert (seats[0].status, seats[0].block_reason) == (SeatStatus.AVAILABLE, "")


def test_marks_as_accessible(event: Event, alice: User, seats: list[Seat]) -> None:
    do(event, alice, Operation(kind="accessible"), seats[:1])
    assert list(Seat.objects.filter(accessible=True)) == seats[:1]
    do(event, alice, Operation(kind="not-accessible"), seats[:1])
    assert not Seat.objects.filter(accessible=True).exists()


@pytest.mark.parametrize("kind", ["block", "release", "accessible", "paint", "comp"])
def test_touches_no_seat_that_is_sold_or_held(
    event: Event, alice: User, fay: User, seats: list[Seat], now: datetime, kind: str
) -> None:
    buy(seats[0], fay)
    held = Seat.objects.filter(pk=seats[1].pk)
    held.update(status=SeatStatus.HELD, held_until=now + timedelta(minutes=5))
    before = list(Seat.objects.filter(pk__in=[seats[0].pk, seats[1].pk]).order_by("pk").values())
    back = PriceCategory.objects.get(event=event, name="Back")
    operation = Operation(
        kind=kind, category=str(back.pk), reason="Camera", email="guest@example.com"
    )
    job = do(event, alice, operation, seats[:2])
    assert outcomes(job) == {"A-1": ("refused", "sold"), "A-2": ("refused", "held")}
    after = list(Seat.objects.filter(pk__in=[seats[0].pk, seats[1].pk]).order_by("pk").values())
    assert before == after


def test_lets_a_sale_between_preview_and_start_win(
    event: Event, alice: User, fay: User, seats: list[Seat]
) -> None:
    job = plan(event, alice, BLOCK, seats[:2])
    buy(seats[0], fay)
    assert outcomes(start(job, alice)) == {"A-1": ("refused", "sold"), "A-2": ("changed", "")}
    assert Ticket.objects.get().seat == seats[0]


def test_takes_over_a_hold_that_has_expired(
    event: Event, alice: User, seats: list[Seat], now: datetime
) -> None:
    expired = {"status": SeatStatus.HELD, "held_until": now - timedelta(minutes=5)}
    Seat.objects.filter(pk=seats[0].pk).update(**expired)
    assert do(event, alice, BLOCK, seats[:1]).report == {"changed": 1}


def test_gives_seats_away_through_the_books(event: Event, alice: User, seats: list[Seat]) -> None:
    do(event, alice, BLOCK, seats[:1])  # a guest's seat is often kept back first
    job = do(event, alice, Operation(kind="comp", email="Guest@Example.com"), seats[:2])
    assert job.report == {"changed": 2}
    order = Order.objects.get()
    assert order.fan.email == "guest@example.com"
    assert not order.fan.has_usable_password()
    assert (order.state, order.total_minor, order.tickets.count()) == ("paid", 0, 2)
    assert {ticket.price_type for ticket in order.tickets.all()} == {"Complimentary"}
    assert check_books(event_id=event.pk) == []
    assert Allowance.objects.get(fan=order.fan).used == 2
    seats[0].refresh_from_db()
    assert (seats[0].status, seats[0].block_reason) == (SeatStatus.SOLD, "")


def test_reprices_a_category_and_keeps_what_is_sold(
    event: Event, alice: User, fay: User, seats: list[Seat]
) -> None:
    buy(seats[0], fay)
    front = seats[0].category
    operation = Operation(kind="reprice", category=str(front.pk), price_minor=5000)
    job = start(plan(event, alice, operation), alice)
    assert job.report == {"changed": 5, "refused: sold": 1}
    front.refresh_from_db()
    assert front.price_minor == 5000
    assert Ticket.objects.get().price_minor == 4500


def test_lets_viewers_look_only_and_others_see_nothing(
    event: Event, bob: User, charlie: User, seats: list[Seat]
) -> None:
    with pytest.raises(RoleTooLow):
        plan(event, bob, BLOCK, seats)
    with pytest.raises(EventNotFound):
        plan(event, charlie, BLOCK, seats)
    assert not Seat.objects.exclude(status=SeatStatus.AVAILABLE).exists()


def test_starts_nothing_of_another_organisation(
    event: Event, alice: User, bob: User, seats: list[Seat]
) -> None:
    job = plan(event, alice, BLOCK, seats)
    with pytest.raises(RoleTooLow):
        start(job, bob)
    assert not Seat.objects.exclude(status=SeatStatus.AVAILABLE).exists()


def test_says_what_an_operation_lacks(event: Event, alice: User, seats: list[Seat]) -> None:
    for operation in (Operation(kind="block"), Operation(kind="paint"), Operation(kind="comp")):
        with pytest.raises(BadOperation):
            plan(event, alice, operation, seats)
    with pytest.raises(NothingSelected):
        plan(event, alice, BLOCK, [])
