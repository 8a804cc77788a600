"""A seating plan that passed every check, as the import needs it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from sales.plans.checks import meaning_errors, walk_seats
from sales.plans.places import Place
from sales.plans.reading import read_bytes, read_json
from sales.plans.shape import shape_errors

__all__ = [
    "MOST_PLACES",
    "Plan",
    "PlanInvalid",
    "PlannedSeat",
    "parse_plan",
    "plan_of_document",
    "read_plan",
]

# How many bad places are told; the others are counted.
MOST_PLACES = 50
DEFAULT_COLOR = "#577590"


class PlanInvalid(ValueError):
    """The file is no valid seating plan."""

    def __init__(self, places: Sequence[Place], more: int) -> None:
        self.places = list(places)
        self.more = more
        rest = f"\n  ... and {more} more" if more else ""
        super().__init__(
            f"The plan has {len(self.places) + more} bad places:\n"
            + "\n".join(f"  {place}" for place in self.places)
            + rest
        )


@dataclass(frozen=True)
class PlannedSeat:
    """A seat of a plan; `x` and `y` are absolute: zone, row and seat positions added up."""

    guid: str
    section: str
    row: str
    number: str
    category: str
    x: float
    y: float
    position: int


@dataclass(frozen=True)
class Plan:
    """A checked plan. `digest` is the SHA-256 of its content, however the file was laid out."""

    name: str
    width: float
    height: float
    categories: list[dict[str, str]]
    zones: list[dict[str, Any]]
    seats: list[PlannedSeat]
    digest: str

    def seats_of_categories(self) -> Mapping[str, int]:
        """Return how many seats each category has."""
        return Counter(seat.category for seat in self.seats)


def read_plan(path: Path) -> Plan:
    """Read and check a plan file in pretix's JSON format.

    Raises PlanUnreadable (no file, no JSON), and PlanInvalid with each bad place.
    """
    return parse_plan(read_bytes(path))


def parse_plan(data: bytes) -> Plan:
    """Check a plan in pretix's JSON format. Raises PlanUnreadable and PlanInvalid."""
    document, improper = read_json(data)
    found = chain(improper, shape_errors(document), meaning_errors(document))
    places = list(dict.fromkeys(found))
    if places:
        raise PlanInvalid(places[:MOST_PLACES], max(0, len(places) - MOST_PLACES))
    return plan_of_document(document)


def plan_of_document(document: dict[str, Any]) -> Plan:
    """Make a plan of a document that was checked before."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return Plan(
        name=document["name"],
        width=float(document["size"]["width"]),
        height=float(document["size"]["height"]),
        categories=[
            {"name": each["name"], "color": each.get("color", DEFAULT_COLOR)}
            for each in document["categories"]
        ],
        zones=document["zones"],
        seats=[
            _seat(position, *where) for position, where in enumerate(walk_seats(document), start=1)
        ],
        digest=hashlib.sha256(canonical.encode()).hexdigest(),
    )


def _seat(
    position: int,
    _: object,
    zone: dict[str, Any],
    row: dict[str, Any],
    seat: dict[str, Any],
) -> PlannedSeat:
    # pretix adds the positions up in the same way (base/models/seating.py, iter_all_seats).
    x, y = (
        float(zone["position"][axis] + row["position"][axis] + seat["position"][axis])
        for axis in ("x", "y")
    )
    return PlannedSeat(
        guid=seat["seat_guid"],
        section=zone["name"],
        row=row["row_number"],
        number=seat["seat_number"],
        category=seat["category"],
        x=x,
        y=y,
        position=position,
    )
