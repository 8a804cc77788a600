"""Of all who want one seat at the same instant, one gets it.

These meet at the worst place, each having read that the seat is available before any writes.
"""

from __future__ import annotations

import inspect
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from typing import Any

import pytest
from django.db import connection, connections, transaction
from psycopg import IsolationLevel

from accounts.models import User
from sales.idempotency import Answer
from sales.limits import LimitReached
from sales.models import Event, Order, Seat, SeatStatus, Ticket
from sales.purchases import purchase
from sales.seats import SeatTaken
from tests.helpers.cast import at_once, make_fans
from tests.helpers.purchases import assert_sold_once, buy, meeting_at
from worldseat.dsql.occ import is_conflict, tally

pytestmark = pytest.mark.django_db(transaction=True)

on_plain_postgresql = pytest.mark.skipif(
    connection.settings_dict["OPTIONS"]["iam"], reason="DSQL has one isolation level"
)
BUYERS = 60
WRITES_THE_SEAT = 'UPDATE "sales_seat"'


@pytest.fixture
def without_the_index(transactional_db: None) -> Iterator[None]:
    """Take the second line of defence away: one valid ticket a seat."""
    (constraint,) = (
        each for each in Ticket._meta.constraints if each.name == "one_valid_ticket_a_seat"
    )
    with connection.schema_editor() as editor:
        editor.remove_constraint(Ticket, constraint)
    yield
    Ticket.objects.all().delete()
    with connection.schema_editor() as editor:
        editor.add_constraint(Ticket, constraint)


def stampede(seat: Seat, buyers: int, buying: Callable[[Seat, User], Any] = buy) -> list[Any]:
    """Let fans buy a seat, all of whom have read it before the first one writes."""
    all_have_read = threading.Barrier(buyers)
    wait = partial(all_have_read.wait, 60)
    return at_once(
        [
            partial(meeting_at, wait, WRITES_THE_SEAT, partial(buying, seat, fan))
            for fan in make_fans(buyers)
        ]
    )


def told(answers: list[Any]) -> Counter[str]:
    return Counter(type(answer).__name__ for answer in answers)


def test_sells_to_one_of_sixty(seat: Seat) -> None:
    answers = stampede(seat, BUYERS)
    assert told(answers) == {"Order": 1, "SeatTaken": BUYERS - 1}, answers
    assert_sold_once(seat)


def test_would_fail_them_all_but_one_without_the_retry(seat: Seat) -> None:
    """The conflicts are real, and @occ_retry is what turns them into "sold"."""
    bare = transaction.atomic()(inspect.unwrap(purchase))

    def buy_once(seat: Seat, fan: User) -> Any:
        return bare(
            event_id=seat.event_id,
            seat_id=seat.pk,
            fan_id=fan.pk,
            region="us-east-1",
            now=seat.event.on_sale_at,
        )

    answers = stampede(seat, 10, buy_once)
    assert told(answers) == {"Order": 1, "OperationalError": 9}, answers
    assert all(is_conflict(each) for each in answers if isinstance(each, Exception))
    assert_sold_once(seat)


def test_tells_how_many_attempts_it_took(seat: Seat) -> None:
    def buy_counted(seat: Seat, fan: User) -> tuple[bool, int, int]:
        with tally() as counted:
            try:
                sold = isinstance(buy(seat, fan), Order)
            except SeatTaken:
                sold = False
        return sold, counted.attempts, counted.conflicts

    answers = stampede(seat, 5, buy_counted)
    assert sorted(answers) == [(False, 2, 1)] * 4 + [(True, 1, 0)]


@pytest.mark.usefixtures("without_the_index")
def test_sells_to_one_of_sixty_without_the_unique_index(seat: Seat) -> None:
    """The isolation does the work; the index is the second line."""
    answers = stampede(seat, BUYERS)
    assert told(answers) == {"Order": 1, "SeatTaken": BUYERS - 1}, answers
    assert_sold_once(seat)


def buy_at_read_committed(seat: Seat, fan: User) -> Order | Answer:
    """Buy on a connection whose transactions see what others have committed meanwhile."""
    mine = connections["default"]
    mine.close()
    mine.settings_dict = deepcopy(mine.settings_dict)
    mine.settings_dict["OPTIONS"]["isolation_level"] = IsolationLevel.READ_COMMITTED
    return buy(seat, fan)


@on_plain_postgresql
@pytest.mark.usefixtures("without_the_index")
def test_would_sell_to_all_at_read_committed(seat: Seat) -> None:
    """The same code, the same meeting, at PostgreSQL's own default: everybody is told "sold"."""
    answers = stampede(seat, 5, buy_at_read_committed)
    assert told(answers) == {"Order": 5}, answers
    assert Ticket.objects.filter(seat=seat).count() == 5


@on_plain_postgresql
def test_is_stopped_by_the_unique_index_at_read_committed(seat: Seat) -> None:
    """The second line holds where the first one does not."""
    answers = stampede(seat, 5, buy_at_read_committed)
    assert told(answers) == {"Order": 1, "IntegrityError": 4}, answers
    assert_sold_once(seat)


def test_keeps_the_limit_of_a_fan_who_buys_twice_at_once(seats: list[Seat], fay: User) -> None:
    """Two purchases of two seats write no row in common but her allowance (write skew)."""
    Event.objects.update(limit_per_fan=1)
    both_have_begun = threading.Barrier(2)
    answers = at_once(
        [
            partial(
                meeting_at,
                partial(both_have_begun.wait, 30),
                "INSERT INTO sales_allowance",
                partial(buy, seat, fay),
            )
            for seat in seats[:2]
        ]
    )
    assert told(answers) == {"Order": 1, "LimitReached": 1}, answers
    assert Ticket.objects.filter(fan=fay).count() == 1
    assert Seat.objects.filter(status=SeatStatus.SOLD).count() == 1
    refusal = next(each for each in answers if isinstance(each, LimitReached))
    assert refusal.limit == 1
