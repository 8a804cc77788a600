"""An import that is killed leaves nothing for sale, and run again it ends right."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import pytest
from django.db import connections

from accounts.models import Organisation, User
from sales.events import NotOnSale, check_on_sale
from sales.models import Event, EventState, Order, Seat
from sales.plans import (
    Plan,
    PlannedSeat,
    Prices,
    import_plan,
    importing,
    plan_by_numbers,
    read_plan,
)
from sales.plans.numbers import Block
from sales.purchases import purchase
from sales.seats import UnknownSeat
from tests.helpers.cast import make_event
from tests.sales.plans.documents import PLANS

pytestmark = [pytest.mark.apart, pytest.mark.django_db(transaction=True)]

FLOOR = read_plan(PLANS / "floor-96.json")
OTHER = plan_by_numbers([Block("Floor", "A-C", 20)])
# One to begin, one for the sections, four of thirty seats, one to finish.
TRANSACTIONS = 7


@pytest.fixture
def empty(acme: Organisation, monkeypatch: pytest.MonkeyPatch) -> Event:
    """A published event on sale, without seats and plan; batches of thirty seats."""
    monkeypatch.setattr(importing, "SEATS_A_BATCH", 30)
    event = make_event(acme, name="Empty")
    event.seats.all().delete()
    event.categories.all().delete()
    Event.objects.filter(pk=event.pk).update(plan=None)
    return event


def load(event: Event, plan: Plan, now: datetime) -> None:
    import_plan(event_id=event.pk, plan=plan, prices=Prices(default=4500), now=now)


def killed_in_transaction(number: int, run: Callable[[], None]) -> bool:
    """Run in a process that kills itself (-9) within its n-th transaction; tell whether it did."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        # Whatever happens, it does not come back into pytest: there would be two of them.
        try:
            _die_in_transaction(number)
            run()
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def _die_in_transaction(number: int) -> None:
    claim, claims = importing._claim, 0

    def count_and_die(event_id: UUID) -> None:
        nonlocal claims
        claims += 1
        claim(event_id)
        if claims == number:
            os.kill(os.getpid(), signal.SIGKILL)

    importing._claim = count_and_die


def seats_of(event: Event) -> set[PlannedSeat]:
    return {PlannedSeat(*values) for _, *values in importing._seats_of(event.pk)}


@pytest.mark.parametrize("number", range(1, TRANSACTIONS + 1))
def test_leaves_nothing_for_sale_and_ends_right_the_second_time(
    empty: Event, fay: User, now: datetime, number: int
) -> None:
    assert killed_in_transaction(number, lambda: load(empty, FLOOR, now))
    assert not Event.objects.public().filter(pk=empty.pk).exists()
    with pytest.raises(NotOnSale, match="no seats yet"):
        check_on_sale(Event.objects.get(pk=empty.pk), now=now)
    for seat in Seat.objects.filter(event=empty)[:1]:
        with pytest.raises(UnknownSeat):
            purchase(event_id=empty.pk, seat_id=seat.pk, fan_id=fay.pk, region="us-east-1", now=now)
    assert not Order.objects.exists()

    load(empty, FLOOR, now)
    assert Event.objects.public().filter(pk=empty.pk).exists()
    assert seats_of(empty) == set(FLOOR.seats)
    empty.refresh_from_db()
    assert empty.plan is not None
    assert empty.plan.sections.count() == 1
    first = empty.seats.in_order()[0]
    purchase(event_id=empty.pk, seat_id=first.pk, fan_id=fay.pk, region="us-east-1", now=now)


def test_was_killed_in_every_transaction_there_is(empty: Event, now: datetime) -> None:
    assert not killed_in_transaction(TRANSACTIONS + 1, lambda: load(empty, FLOOR, now))
    empty.refresh_from_db()
    assert empty.plan is not None


def test_ends_right_when_every_run_is_killed_once(empty: Event, now: datetime) -> None:
    runs = 1
    # A run that goes on has fewer transactions left: each gets one batch further.
    while killed_in_transaction(4, lambda: load(empty, FLOOR, now)):
        runs += 1
        assert runs < 10
    assert runs > 2
    assert seats_of(empty) == set(FLOOR.seats)


@pytest.mark.parametrize("number", [4, 6])
def test_cleans_up_after_another_plan_in_a_draft(empty: Event, now: datetime, number: int) -> None:
    Event.objects.filter(pk=empty.pk).update(state=EventState.DRAFT)
    assert killed_in_transaction(number, lambda: load(empty, FLOOR, now))
    assert empty.seats.exists()
    load(empty, OTHER, now)
    assert seats_of(empty) == set(OTHER.seats)


@pytest.mark.parametrize("number", range(2, 10))
def test_goes_on_with_the_cleaning(empty: Event, now: datetime, number: int) -> None:
    Event.objects.filter(pk=empty.pk).update(state=EventState.DRAFT)
    assert killed_in_transaction(TRANSACTIONS, lambda: load(empty, FLOOR, now))
    killed_in_transaction(number, lambda: load(empty, OTHER, now))
    load(empty, OTHER, now)
    assert seats_of(empty) == set(OTHER.seats)
