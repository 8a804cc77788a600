"""Import a plan into an event, in batches, so that a kill at any point leaves nothing for sale.

The event's `plan` is set last, in one transaction which looks at every seat once more: until
then the seats exist but do not count (events.check_on_sale, EventQuerySet.public). A second
run compares the event's seats with the plan, deletes what is not the plan's, and makes what
is missing; so it goes on where a killed one stopped.

Every transaction starts by writing the event's row. That serialises two imports of one event
on any database with snapshot isolation, and none changes seats after `plan` is set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sales.models import (
    Event,
    EventState,
    Order,
    PriceCategory,
    Seat,
    SeatingPlan,
    Stampede,
    Ticket,
)
from sales.plans.parsing import Plan, PlannedSeat
from sales.plans.prices import Prices, missing_categories
from sales.plans.refusals import (
    EventHasSales,
    ImportDisturbed,
    OtherPlan,
    Published,
    UnknownEvent,
)
from sales.plans.storing import missing_zones, plan_row, write_zones
from worldseat.dsql.occ import occ_retry

__all__ = ["Done", "Progress", "import_plan"]

T = TypeVar("T")

# DSQL changes 3,000 rows in a transaction at most; the event's own row is one of them.
SEATS_A_BATCH = 2_500

Progress = Callable[[int, int], None]
"""Called after each batch: seats that are done, seats of the plan."""


@dataclass(frozen=True)
class Done:
    """What an import came to; `made` and `deleted` count this run's seats.

    `unchanged`: the event had this very plan already, and nothing was written.
    """

    plan_id: UUID
    unchanged: bool
    made: int = 0
    deleted: int = 0


@dataclass(frozen=True)
class _Difference:
    stray: list[UUID]
    missing: list[PlannedSeat]


def import_plan(
    *,
    event_id: UUID,
    plan: Plan,
    prices: Prices,
    now: datetime,
    progress: Progress = lambda done, of: None,
) -> Done:
    """Make the seats of a plan for an event, and at the end set it as the event's plan.

    Safe to run again, also after a kill. Raises what `refusals` lists; then, and when the
    database fails, the event has no plan and none of its seats counts.
    """
    plan_id, unchanged = _begin(event_id=event_id, plan=plan, prices=prices)
    if unchanged:
        return Done(plan_id, unchanged=True)
    _make_sections(event_id, plan_id, plan)
    categories = dict(PriceCategory.objects.filter(event_id=event_id).values_list("name", "pk"))
    difference = _compare(event_id, plan)
    for batch in _batches(difference.stray, SEATS_A_BATCH):
        _delete_seats(event_id=event_id, seat_ids=batch)
    done = len(plan.seats) - len(difference.missing)
    for seats in _batches(difference.missing, SEATS_A_BATCH):
        progress(done, len(plan.seats))
        _make_seats(event_id=event_id, seats=seats, categories=categories, now=now)
        done += len(seats)
    progress(done, len(plan.seats))
    _finish(event_id=event_id, plan_id=plan_id, plan=plan)
    return Done(
        plan_id,
        unchanged=False,
        made=len(difference.missing),
        deleted=len(difference.stray),
    )


@occ_retry(repeatable=True)
def _begin(*, event_id: UUID, plan: Plan, prices: Prices) -> tuple[UUID, bool]:
    """Look whether the plan may be imported; make its row and the missing categories."""
    event = Event.objects.select_related("plan", "venue").filter(pk=event_id).first()
    if event is None:
        raise UnknownEvent
    if event.plan:
        if event.plan.digest == plan.digest:
            return event.plan.pk, True
        raise OtherPlan(event.plan.name)
    _claim(event_id)
    _check_event(event, plan)
    categories = missing_categories(event=event, plan=plan, prices=prices)
    PriceCategory.objects.bulk_create(categories, ignore_conflicts=True)
    return _plan_row(event, plan).pk, False


def _check_event(event: Event, plan: Plan) -> None:
    sold = (Order, Ticket, Stampede)
    if any(model.objects.filter(event=event).exists() for model in sold):
        raise EventHasSales
    # A draft's seats, seen by nobody, may go; of a published event only an import's remains.
    if event.state != EventState.DRAFT and (stray := _compare(event.pk, plan).stray):
        raise Published(len(stray))


def _plan_row(event: Event, plan: Plan) -> SeatingPlan:
    """Return the venue's row of this plan, which its events share, or make it."""
    return plan_row(event.venue, plan)


def _make_sections(event_id: UUID, plan_id: UUID, plan: Plan) -> None:
    for zones in missing_zones(plan_id, plan):
        _write_sections(event_id=event_id, plan_id=plan_id, zones=zones)


@occ_retry(repeatable=True)
def _write_sections(
    *, event_id: UUID, plan_id: UUID, zones: Sequence[tuple[int, dict[str, Any]]]
) -> None:
    _claim(event_id)
    write_zones(plan_id, zones)


@occ_retry(repeatable=True)
def _make_seats(
    *,
    event_id: UUID,
    seats: Sequence[PlannedSeat],
    categories: dict[str, UUID],
    now: datetime,
) -> None:
    _claim(event_id)
    Seat.objects.bulk_create(
        [
            Seat(
                event_id=event_id,
                category_id=categories[seat.category],
                guid=seat.guid,
                section=seat.section,
                row=seat.row,
                number=seat.number,
                x=seat.x,
                y=seat.y,
                position=seat.position,
                changed_at=now,
            )
            for seat in seats
        ],
        ignore_conflicts=True,
    )


@occ_retry(repeatable=True)
def _delete_seats(*, event_id: UUID, seat_ids: Sequence[UUID]) -> None:
    _claim(event_id)
    Seat.objects.filter(event_id=event_id, pk__in=seat_ids).delete()


@occ_retry(repeatable=True)
def _finish(*, event_id: UUID, plan_id: UUID, plan: Plan) -> None:
    """Set the event's plan, if its seats are exactly the plan's: now they count."""
    if Event.objects.filter(pk=event_id, plan_id=plan_id).exists():
        return  # the COMMIT that got no answer did happen
    _claim(event_id)
    difference = _compare(event_id, plan)
    if difference.stray or difference.missing:
        raise ImportDisturbed
    Event.objects.filter(pk=event_id).update(plan_id=plan_id)


def _claim(event_id: UUID) -> None:
    """Write the event's row, unless its plan is set (then its seats are nobody's to change)."""
    if not Event.objects.filter(pk=event_id, plan__isnull=True).update(plan=None):
        raise ImportDisturbed


def _compare(event_id: UUID, plan: Plan) -> _Difference:
    """Return the event's seats that are not the plan's, and the plan's that it lacks."""
    wanted = set(plan.seats)
    stray = []
    for pk, *values in _seats_of(event_id):
        seat = PlannedSeat(*values)
        if seat in wanted:
            wanted.remove(seat)
        else:
            stray.append(pk)
    return _Difference(stray, [seat for seat in plan.seats if seat in wanted])


def _seats_of(event_id: UUID) -> Iterator[tuple[Any, ...]]:
    columns = ("pk", "guid", "section", "row", "number", "category__name", "x", "y", "position")
    # The order says which seat stays if two were alike, and makes two runs do the same.
    return iter(Seat.objects.filter(event_id=event_id).order_by("pk").values_list(*columns))


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[at : at + size] for at in range(0, len(items), size))
