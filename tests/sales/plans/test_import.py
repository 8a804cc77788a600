"""Importing a plan into an event: exactly its seats, or nothing that counts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Organisation, User
from sales.models import (
    Event,
    EventState,
    PriceCategory,
    Seat,
    SeatingPlan,
    Section,
    Stampede,
)
from sales.plans import (
    Done,
    EventHasSales,
    ImportDisturbed,
    OtherPlan,
    Plan,
    Prices,
    PricesRefused,
    Published,
    UnknownEvent,
    import_plan,
    importing,
    plan_by_numbers,
    read_plan,
)
from sales.plans.numbers import Block
from sales.purchases import purchase
from tests.helpers.cast import at_once, make_event
from tests.sales.plans.documents import PLANS, document, parsed, row, seat, zone

pytestmark = pytest.mark.django_db(transaction=True)

FLOOR = read_plan(PLANS / "floor-96.json")
SMALL = parsed(document(zone(row(seat("1"), seat("2")))))


@pytest.fixture
def empty(acme: Organisation) -> Event:
    """A draft without seats, plan or categories."""
    event = make_event(acme, name="Empty", state=EventState.DRAFT)
    event.seats.all().delete()
    event.categories.all().delete()
    Event.objects.filter(pk=event.pk).update(plan=None)
    event.refresh_from_db()
    return event


def load(event: Event, plan: Plan, now: datetime, **changes: Any) -> Done:
    prices = changes.pop("prices", Prices(default=4500))
    return import_plan(event_id=event.pk, plan=plan, prices=prices, now=now, **changes)


def counts() -> dict[str, int]:
    models = (SeatingPlan, Section, PriceCategory, Seat)
    return {model.__name__: model.objects.count() for model in models}


def test_makes_each_seat_at_its_place(empty: Event, now: datetime) -> None:
    done = load(empty, FLOOR, now)
    empty.refresh_from_db()
    assert empty.plan_id == done.plan_id
    assert (done.made, done.deleted, done.unchanged) == (96, 0, False)
    first, *_, last = empty.seats.in_order().select_related("category")
    assert (first.guid, first.section, first.label) == ("Floor-A-1", "Floor", "A-1")
    assert (first.x, first.y, first.position) == (60.0, 120.0, 1)
    assert (first.category.name, first.category.price_minor) == ("Premium", 4500)
    assert (last.guid, last.position, last.status) == ("Floor-H-12", 96, "available")
    assert empty.seats.count() == 96


def test_keeps_the_plan_and_its_sections_as_drawn(empty: Event, now: datetime) -> None:
    plan = read_plan(PLANS / "hall.json")
    load(empty, plan, now)
    empty.refresh_from_db()
    assert empty.plan is not None
    assert (empty.plan.name, empty.plan.seat_count) == ("Concert hall in the round", 1586)
    assert (empty.plan.width, empty.plan.height) == (2200.0, 1500.0)
    assert empty.plan.organisation_id == empty.organisation_id
    sections = empty.plan.sections.order_by("position")
    assert [each.layout for each in sections] == plan.zones
    assert sections[1].zone_id == "terrace-left"
    colors = empty.categories.order_by("position").values_list("color", flat=True)
    assert list(colors) == [each["color"] for each in plan.categories]


def test_imports_an_arena_within_the_limits_of_a_transaction(
    empty: Event, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = read_plan(PLANS / "arena.json")
    seen: list[tuple[int, int]] = []
    with CaptureQueriesContext(connection) as queries:
        load(empty, plan, now, progress=lambda done, of: seen.append((done, of)))
    assert empty.seats.count() == 17_496
    # A row more than the seats: the event's own.
    assert importing.SEATS_A_BATCH + 1 <= 3_000
    assert seen == [(at, 17_496) for at in (*range(0, 17_496, 2_500), 17_496)]
    # Round trips: with two regions each one to the database may take 100 ms.
    assert len(queries) <= 70


def test_gives_each_category_its_price_and_keeps_those_there_are(
    empty: Event, now: datetime
) -> None:
    PriceCategory.objects.create(event=empty, name="Standard", price_minor=100, color="#000000")
    load(empty, FLOOR, now, prices=Prices(by_category={"Premium": 9500}))
    prices = dict(empty.categories.values_list("name", "price_minor"))
    assert prices == {"Premium": 9500, "Standard": 100}


@pytest.mark.parametrize(
    ("prices", "message"),
    [
        (Prices(), "have no price: 'Premium'"),
        (Prices(by_category={"Premum": 9500}, default=1), "no such categories: 'Premum'"),
        (
            Prices(by_category={"Standard": 200}, default=1),
            "another price at the event: 'Standard'",
        ),
    ],
)
def test_refuses_prices_that_do_not_fit(
    empty: Event, now: datetime, prices: Prices, message: str
) -> None:
    PriceCategory.objects.create(event=empty, name="Standard", price_minor=100)
    before = counts()
    with pytest.raises(PricesRefused, match=message):
        load(empty, FLOOR, now, prices=prices)
    assert counts() == before


def test_changes_nothing_the_second_time(empty: Event, now: datetime) -> None:
    first = load(empty, FLOOR, now)
    before = counts()
    with CaptureQueriesContext(connection) as queries:
        second = load(empty, FLOOR, now, prices=Prices())
    assert second == Done(first.plan_id, unchanged=True)
    assert counts() == before
    assert not [each for each in queries if not each["sql"].startswith(("SELECT", "BEGIN", "COMM"))]


def test_shares_a_plan_between_the_events_of_a_venue(
    empty: Event, acme: Organisation, now: datetime
) -> None:
    other = make_event(acme, name="Other", state=EventState.DRAFT)
    other.seats.all().delete()
    Event.objects.filter(pk=other.pk).update(plan=None, venue=empty.venue)
    assert load(empty, FLOOR, now).plan_id == load(other, FLOOR, now).plan_id
    assert other.seats.count() == 96


def test_refuses_another_plan(event: Event, now: datetime) -> None:
    before = counts()
    with pytest.raises(OtherPlan, match="Make another event"):
        load(event, FLOOR, now)
    assert counts() == before


def test_refuses_an_event_that_sold(
    event: Event, seats: list[Seat], fay: User, now: datetime
) -> None:
    purchase(event_id=event.pk, seat_id=seats[0].pk, fan_id=fay.pk, region="us-east-1", now=now)
    Event.objects.filter(pk=event.pk).update(plan=None, state=EventState.DRAFT)
    before = counts()
    with pytest.raises(EventHasSales):
        load(event, FLOOR, now)
    assert counts() == before


def test_refuses_an_event_where_a_stampede_ran(
    event: Event, seats: list[Seat], now: datetime
) -> None:
    Stampede.objects.create(event=event, seat=seats[0], buyers=1, created_at=now)
    Event.objects.filter(pk=event.pk).update(plan=None, state=EventState.DRAFT)
    with pytest.raises(EventHasSales):
        load(event, FLOOR, now)


@pytest.mark.parametrize("state", [EventState.PUBLISHED, EventState.PAUSED, EventState.CLOSED])
def test_refuses_a_published_event_with_seats(event: Event, now: datetime, state: str) -> None:
    Event.objects.filter(pk=event.pk).update(plan=None, state=state)
    before = counts()
    with pytest.raises(Published, match=r"12 seats .* back to draft"):
        load(event, FLOOR, now)
    assert counts() == before


def test_replaces_the_seats_of_a_draft_without_a_plan(event: Event, now: datetime) -> None:
    Event.objects.filter(pk=event.pk).update(plan=None, state=EventState.DRAFT)
    done = load(event, FLOOR, now)
    assert (done.made, done.deleted) == (96, 12)
    assert set(event.seats.values_list("guid", flat=True)) == {each.guid for each in FLOOR.seats}


def test_replaces_a_seat_that_differs_in_anything(empty: Event, now: datetime) -> None:
    load(empty, FLOOR, now)
    Event.objects.filter(pk=empty.pk).update(plan=None)
    Seat.objects.filter(event=empty, guid="Floor-A-1").update(x=1.0)
    done = load(empty, FLOOR, now)
    assert (done.made, done.deleted) == (1, 1)
    assert empty.seats.get(guid="Floor-A-1").x == 60.0


def test_refuses_an_event_that_is_gone(empty: Event, now: datetime) -> None:
    Event.objects.filter(pk=empty.pk).delete()
    with pytest.raises(UnknownEvent):
        load(empty, FLOOR, now)


def test_goes_on_after_a_conflict_in_any_transaction(
    empty: Event, now: datetime, instant_retries: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each transaction meets a concurrent write of the event's row, once."""
    claim = importing._claim
    met: list[str] = []

    def disturbed(event_id: Any) -> None:
        step = len(met)
        if not met or met[-1] == "again":
            met.append("conflict")
            write = Event.objects.filter(pk=event_id)
            write.exists()  # takes the snapshot
            at_once([lambda: write.update(description=f"step {step}")])
        else:
            met.append("again")
        claim(event_id)

    monkeypatch.setattr(importing, "_claim", disturbed)
    load(empty, SMALL, now)
    assert met == ["conflict", "again"] * 4
    assert empty.seats.count() == 2


def test_does_not_count_when_another_import_interfered(
    empty: Event, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = importing._make_seats

    def interfered(**arguments: Any) -> None:
        make(**arguments)
        Seat.objects.filter(event=empty).first().delete()  # type: ignore[union-attr]

    monkeypatch.setattr(importing, "_make_seats", interfered)
    with pytest.raises(ImportDisturbed, match="does not count yet"):
        load(empty, FLOOR, now)
    empty.refresh_from_db()
    assert empty.plan is None


def test_ends_right_when_its_last_commit_got_no_answer(
    empty: Event, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = importing._finish

    def twice(**arguments: Any) -> None:
        finish(**arguments)
        finish(**arguments)

    monkeypatch.setattr(importing, "_finish", twice)
    assert load(empty, FLOOR, now).made == 96


def test_lets_two_imports_of_one_event_mix_no_seats(
    empty: Event, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "SEATS_A_BATCH", 20)
    other = plan_by_numbers([Block("Floor", "A-D", 15)])
    at_once([lambda: load(empty, FLOOR, now), lambda: load(empty, other, now)])
    empty.refresh_from_db()
    plans = {FLOOR.digest: FLOOR, other.digest: other}
    if empty.plan is not None:
        wanted = {each.guid for each in plans[empty.plan.digest].seats}
        assert set(empty.seats.values_list("guid", flat=True)) == wanted
    else:
        # Each disturbed the other; the next one, alone, ends right.
        load(empty, other, now)
        assert empty.seats.count() == len(other.seats)
