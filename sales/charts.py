"""The chart of an event: where its seats are and what they cost, without their status."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import TextField
from django.db.models.functions import Cast

from sales.events import visible_event
from sales.models import Event, PriceCategory, Seat, Section
from sales.occupancy import digest_of, occupancy_of
from worldseat.dsql.occ import occ_retry

__all__ = ["Chart", "ChartHead", "ChartSeat", "ChartSection", "chart_of", "head_of"]


class ChartSeat(NamedTuple):
    """A seat of the chart: its ids are texts, as they are sent, and it is no model.

    An arena has 17,000, and most of the chart's time would go into making objects of them.
    """

    id: str
    guid: str
    number: str
    x: float
    y: float
    category: str


@dataclass(frozen=True)
class ChartSection:
    """A part of the hall: its shapes, in pretix's format, and its rows of seats.

    `x`, `y` is where the section lies in the plan: its shapes' positions count from there,
    its seats' positions from the plan's corner.
    """

    name: str
    x: float
    y: float
    areas: list[dict[str, Any]]
    rows: list[tuple[str, list[ChartSeat]]]


@dataclass(frozen=True)
class ChartHead:
    """All of a chart that changes: what seats cost, and which category each is of.

    `seats_digest` tells one assignment of seats to categories from another; it is empty while
    the event's seats are not complete.
    """

    event: Event
    categories: list[PriceCategory]
    seats_digest: str


@dataclass(frozen=True)
class Chart:
    """The whole hall; without sections while the event's seats are not complete."""

    head: ChartHead
    sections: list[ChartSection]

    @property
    def event(self) -> Event:
        """Return the event, with its plan."""
        return self.head.event

    @property
    def categories(self) -> list[PriceCategory]:
        """Return the categories in the organiser's order, with their price types."""
        return self.head.categories


def head_of(*, event_id: UUID, user: Any, now: datetime) -> ChartHead:
    """Read the head of an event's chart, without its seats: it tells whether one knows the rest.

    A seat's change of category is heard of within a second. Raises EventNotFound for what the
    user may not see.
    """
    event, categories = _read_head(event_id=event_id, user=user)
    digest = occupancy_of(event_id=event_id, now=now).categories_digest if event.plan_id else ""
    return ChartHead(event=event, categories=categories, seats_digest=digest)


@occ_retry(repeatable=True)
def _read_head(*, event_id: UUID, user: Any) -> tuple[Event, list[PriceCategory]]:
    return _head(event_id, user)


def _head(event_id: UUID, user: Any) -> tuple[Event, list[PriceCategory]]:
    event = visible_event(event_id=event_id, user=user)
    listed = event.categories.order_by("position", "name").prefetch_related("price_types")
    return event, list(listed)


@occ_retry(repeatable=True)
def chart_of(*, event_id: UUID, user: Any) -> Chart:
    """Read an event's chart, in one snapshot and four statements.

    Raises EventNotFound for what the user may not see.
    """
    event, categories = _head(event_id, user)
    if event.plan_id is None:
        return Chart(ChartHead(event, categories, ""), sections=[])
    layouts = list(Section.objects.filter(plan_id=event.plan_id).order_by("position"))
    seats = _seats_of(event)
    digest = digest_of((str(seat[2]), str(seat[-1])) for seat in seats)
    return Chart(
        ChartHead(event, categories, digest), sections=_sections(layouts, _rows_by_section(seats))
    )


Rows = list[tuple[str, list[ChartSeat]]]


def _seats_of(event: Event) -> list[tuple[Any, ...]]:
    """Read section, row, id, guid, number, x, y and category of each seat, in the plan's order."""
    seats = Seat.objects.filter(event=event).in_order()
    seat_id, category_id = (Cast(key, TextField()) for key in ("pk", "category_id"))
    return list(
        seats.values_list("section", "row", seat_id, "guid", "number", "x", "y", category_id)
    )


def _rows_by_section(seats: Iterable[tuple[Any, ...]]) -> dict[str, Rows]:
    """Group the seats; a row's name may come again in a section."""
    found: dict[str, Rows] = {}
    for (section, row), group in groupby(seats, key=itemgetter(0, 1)):
        found.setdefault(section, []).append((row, [ChartSeat(*seat[2:]) for seat in group]))
    return found


def _sections(layouts: list[Section], rows: dict[str, Rows]) -> list[ChartSection]:
    """Give each section its rows: the first of a name takes all, and no seat is left out."""
    sections = []
    for layout in layouts:
        position = layout.layout.get("position") or {}
        sections.append(
            ChartSection(
                name=layout.name,
                x=position.get("x", 0),
                y=position.get("y", 0),
                areas=layout.layout.get("areas") or [],
                rows=rows.pop(layout.name, []),
            )
        )
    return sections + [ChartSection(name, 0, 0, [], left) for name, left in rows.items()]
