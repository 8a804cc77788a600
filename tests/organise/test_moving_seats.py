"""An event moved to another version of its venue's plan: nothing that is sold is dropped."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.models import Organisation, User
from sales.back_office.access import RoleTooLow
from sales.models import BulkJob, Event, Order, Seat, SeatingPlan, SeatStatus, Ticket, Venue
from sales.organising.event_states import NotReady, move_event
from sales.organising.making_seats import plan_to_make_seats
from sales.organising.moving_seats import plan_to_move
from sales.organising.operations import Operation
from sales.organising.seat_jobs import results_of
from sales.organising.venue_plans import PlanNotFound
from sales.organising.working import work
from sales.plans import PricesRefused, parse_table, store_plan
from tests.helpers.bulk_jobs import do, start
from tests.helpers.cast import make_event
from tests.helpers.purchases import buy

pytestmark = pytest.mark.django_db(transaction=True)

OLD = "section,row,seat,category\n" + "".join(f"F,A,{n},Gold\n" for n in range(1, 7))
# A-1 is gone, A-2 and A-3 too; A-4 is called A-40; A-7 is new, of a new category.
NEW = (
    "section,row,seat,category,guid\n"
    "F,A,40,Gold,F-A-4\nF,A,5,Gold,F-A-5\nF,A,6,Gold,F-A-6\nF,A,7,Silver,F-A-7\n"
)


@pytest.fixture
def versions(acme: Organisation) -> tuple[SeatingPlan, SeatingPlan]:
    venue = Venue.objects.create(organisation=acme, name="Hall")
    plans = [
        store_plan(venue_id=venue.pk, plan=parse_table(text.encode(), name=name), is_upload=False)
        for name, text in (("old", OLD), ("new", NEW))
    ]
    return SeatingPlan.objects.get(pk=plans[0]), SeatingPlan.objects.get(pk=plans[1])


def made_of(plan: SeatingPlan, slug: str, alice: User, now: datetime) -> Event:
    event = Event.objects.create(
        organisation=plan.organisation,
        venue=plan.venue,
        name=slug,
        slug=slug,
        starts_at=now + timedelta(days=30),
        on_sale_at=now - timedelta(days=1),
        off_sale_at=now + timedelta(days=29),
        currency="EUR",
    )
    job = plan_to_make_seats(
        event_id=event.pk, plan_id=plan.pk, user=alice, prices={"Gold": 4500}, now=now
    )
    work(job_id=job.pk)
    return move_event(event_id=event.pk, user=alice, move="publish", now=now)


def plan_move(event: Event, plan: SeatingPlan, user: User, now: datetime, **more: Any) -> BulkJob:
    prices = more.get("prices", {"Silver": 2000})
    return plan_to_move(event_id=event.pk, plan_id=plan.pk, user=user, prices=prices, now=now)


def test_drops_no_seat_that_is_sold(
    versions: tuple[SeatingPlan, SeatingPlan], alice: User, fay: User, now: datetime
) -> None:
    old, new = versions
    event, other = made_of(old, "one", alice, now), made_of(old, "two", alice, now)
    seats = {seat.number: seat for seat in event.seats.all()}
    buy(seats["1"], fay)
    buy(seats["4"], fay)
    buy(seats["2"], fay)  # and gives it back: its void ticket names the seat
    returned = Order.objects.get(tickets__seat=seats["2"])
    Ticket.objects.filter(order=returned).update(state="void")
    Seat.objects.filter(pk=seats["2"].pk).update(status=SeatStatus.AVAILABLE)
    do(event, alice, Operation(kind="block", reason="Camera"), [seats["5"]])
    with pytest.raises(NotReady, match="Pause"):
        plan_move(event, new, alice, now)
    move_event(event_id=event.pk, user=alice, move="pause", now=now)
    job = start(plan_move(event, new, alice, now), alice)
    assert job.state == "done", job.message
    assert {(each["number"], each["outcome"]) for each in results_of(job)} == {
        ("1", "stays"),
        ("2", "stays"),
        ("3", "removed"),
        ("4", "stays"),
        ("5", "changed"),
        ("6", "changed"),
        ("7", "added"),
    }
    event.refresh_from_db()
    assert event.plan_id == new.pk
    now_there = {seat.number: seat for seat in event.seats.select_related("category")}
    assert set(now_there) == {"1", "2", "4", "5", "6", "7"}
    assert now_there["1"].status == now_there["4"].status == SeatStatus.SOLD
    assert (now_there["2"].status, now_there["5"].block_reason) == (SeatStatus.BLOCKED, "Camera")
    assert (now_there["7"].category.name, now_there["7"].category.price_minor) == ("Silver", 2000)
    other.refresh_from_db()
    assert (other.plan_id, other.seats.count()) == (old.pk, 6)


def test_is_refused_where_it_cannot_be(
    versions: tuple[SeatingPlan, SeatingPlan],
    acme: Organisation,
    alice: User,
    bob: User,
    now: datetime,
) -> None:
    old, new = versions
    event = made_of(old, "one", alice, now)
    move_event(event_id=event.pk, user=alice, move="pause", now=now)
    with pytest.raises(NotReady, match="already"):
        plan_move(event, old, alice, now, prices={})
    with pytest.raises(PricesRefused):
        plan_move(event, new, alice, now, prices={})
    with pytest.raises(RoleTooLow):
        plan_move(event, new, bob, now)
    elsewhere = make_event(acme).plan
    assert elsewhere
    with pytest.raises(PlanNotFound):
        plan_move(event, elsewhere, alice, now)
    assert event.seats.count() == 6
