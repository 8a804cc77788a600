"""Where the seats of an event are: which stand side by side, and how far from the stage.

Two seats that follow each other in a row are neighbours unless an aisle or a gap lies between
them: more than GAP times the row's usual distance. The stage is what the plan draws with that
word in it; a plan without one has it in the middle of its upper edge, so that what lies further
up is further in front.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import TextField
from django.db.models.functions import Cast

from sales.models import Seat, Section
from worldseat.dsql.occ import occ_retry

__all__ = ["Layout", "Place", "layout_of", "stage_of", "stretches_of"]

GAP = 1.5
# Fewer distances than these say nothing of what is usual in a row: the section's count instead.
_FEW = 4
_EVENTS_A_PROCESS = 16


class Place(NamedTuple):
    """A seat, by its id as text, and where it is in the plan."""

    id: str
    x: float
    y: float


Stretch = tuple[Place, ...]


@dataclass(frozen=True)
class Layout:
    """The stretches of neighbouring seats of an event, in the plan's order, and its stage."""

    stretches: tuple[Stretch, ...]
    stage: tuple[float, float]

    def distance(self, first: Place, last: Place) -> float:
        """Return how far from the stage the middle of some neighbours is."""
        x, y = (first.x + last.x) / 2, (first.y + last.y) / 2
        return math.hypot(x - self.stage[0], y - self.stage[1])


def layout_of(*, event_id: UUID, plan_id: UUID | None) -> Layout:
    """Return the layout of an event under its plan; it is read once, for it never changes."""
    key = (event_id, plan_id)
    if known := _layouts.get(key):
        return known
    # The first buyers all come at once: one of them reads.
    with _reading:
        if key not in _layouts:
            found = _read(event_id=event_id, plan_id=plan_id)
            while len(_layouts) >= _EVENTS_A_PROCESS:
                _layouts.popitem(last=False)
            _layouts[key] = found
        return _layouts[key]


_layouts: OrderedDict[tuple[UUID, UUID | None], Layout] = OrderedDict()
_reading = threading.Lock()


@occ_retry(repeatable=True)
def _read(*, event_id: UUID, plan_id: UUID | None) -> Layout:
    seats = Seat.objects.filter(event_id=event_id, event__plan_id=plan_id).in_order()
    seat_id = Cast("pk", TextField())
    found = list(seats.values_list("section", "row", seat_id, "x", "y"))
    zones = Section.objects.filter(plan_id=plan_id).order_by("position")
    layouts = list(zones.values_list("layout", flat=True))
    places = [Place(*each[2:]) for each in found]
    return Layout(tuple(stretches_of(found)), stage_of(layouts, places))


def stretches_of(seats: Iterable[tuple[str, str, str, float, float]]) -> Iterator[Stretch]:
    """Yield the stretches of neighbours in (section, row, id, x, y), given in the plan's order."""
    for _, in_section in groupby(seats, key=lambda seat: seat[0]):
        rows = [
            [Place(*seat[2:]) for seat in row]
            for _, row in groupby(in_section, key=lambda seat: seat[1])
        ]
        usual = _usual([distance for row in rows for distance in _distances(row)])
        for row in rows:
            yield from _stretches(row, usual)


def _stretches(row: Sequence[Place], usual: float) -> Iterator[Stretch]:
    """Part a row at its aisles and gaps."""
    distances = _distances(row)
    if len(distances) >= _FEW:
        usual = _usual(distances)
    begin = 0
    for at, distance in enumerate(distances, start=1):
        if distance > GAP * usual:
            yield tuple(row[begin:at])
            begin = at
    yield tuple(row[begin:])


def _distances(row: Sequence[Place]) -> list[float]:
    return [math.hypot(b.x - a.x, b.y - a.y) for a, b in pairwise(row)]


def _usual(distances: Sequence[float]) -> float:
    """Return the distance of neighbours: a low quartile, since aisles only make it larger."""
    return sorted(distances)[len(distances) // 4] if distances else 0.0


def stage_of(layouts: Iterable[dict[str, Any]], places: Sequence[Place]) -> tuple[float, float]:
    """Return where the stage is: as drawn in a plan's zones, or else the middle of the top."""
    for zone in layouts:
        for area in zone.get("areas") or ():
            words = area.get("text") or {}
            if "stage" in str(words.get("text", "")).lower():
                parts = [each.get("position") or {} for each in (zone, area, words)]
                return (
                    sum(float(each.get("x", 0)) for each in parts),
                    sum(float(each.get("y", 0)) for each in parts),
                )
    if not places:
        return (0.0, 0.0)
    xs = [place.x for place in places]
    return ((min(xs) + max(xs)) / 2, min(place.y for place in places))
