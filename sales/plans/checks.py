"""Check what a plan means: names that are unique, categories that exist, sizes that fit.

Every check takes a document of any shape, since each bad place is reported at once; what has
not the right shape is passed over here and reported by `shape`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

from sales.plans.places import Place, json_path, shown

__all__ = ["LARGEST_LAYOUT_BYTES", "MOST_SEATS", "layout_bytes", "meaning_errors", "walk_seats"]

# The largest stadium has 114,000 seats.
MOST_SEATS = 150_000
# DSQL holds a column to 1 MiB.
LARGEST_LAYOUT_BYTES = 1024 * 1024

_Parts = tuple[str | int, ...]


def meaning_errors(document: Any) -> Iterator[Place]:
    """Yield each place where a plan contradicts itself, or passes what we can store."""
    if not isinstance(document, dict):
        return iter(())
    return chain(
        _repeated_categories(document),
        _unknown_categories(document),
        _repeated_guids(document),
        _repeated_numbers(document),
        _sections(document),
        _areas(document),
        _seat_count(document),
    )


def walk_seats(
    document: dict[str, Any],
) -> Iterator[tuple[_Parts, dict[str, Any], dict[str, Any], dict[str, Any]]]:
    """Yield each seat in the plan's order: where it is, its zone, its row, the seat."""
    for at, zone in _objects(document, "zones"):
        for row_at, row in _objects(zone, "rows"):
            for seat_at, seat in _objects(row, "seats"):
                yield ("zones", at, "rows", row_at, "seats", seat_at), zone, row, seat


def layout_bytes(zone: dict[str, Any]) -> int:
    """Return how many bytes a zone takes, written as Django writes JSON."""
    return len(json.dumps(zone))


def _objects(container: dict[str, Any], key: str) -> Iterator[tuple[int, dict[str, Any]]]:
    items = container.get(key)
    if isinstance(items, list):
        yield from ((at, item) for at, item in enumerate(items) if isinstance(item, dict))


def _text(container: dict[str, Any], key: str) -> str:
    value = container.get(key)
    return value if isinstance(value, str) else ""


def _repeated_categories(document: dict[str, Any]) -> Iterator[Place]:
    first: dict[str, int] = {}
    for at, category in _objects(document, "categories"):
        name = _text(category, "name")
        if name and first.setdefault(name, at) != at:
            yield Place(
                json_path(("categories", at, "name")),
                f"{shown(name)} is the name of $.categories[{first[name]}] already",
            )


def _unknown_categories(document: dict[str, Any]) -> Iterator[Place]:
    known = {_text(category, "name") for _, category in _objects(document, "categories")}
    for parts, _, _, seat in walk_seats(document):
        name = _text(seat, "category")
        if name and name not in known:
            yield Place(
                json_path((*parts, "category")), f"{shown(name)} is not among the plan's categories"
            )


def _repeated_guids(document: dict[str, Any]) -> Iterator[Place]:
    first: dict[str, _Parts] = {}
    for parts, _, _, seat in walk_seats(document):
        guid = _text(seat, "seat_guid")
        if guid and first.setdefault(guid, parts) != parts:
            yield Place(
                json_path((*parts, "seat_guid")),
                f"{shown(guid)} is the seat_guid of {json_path(first[guid])} already",
            )


def _repeated_numbers(document: dict[str, Any]) -> Iterator[Place]:
    """Two seats that a ticket names alike: the same section, row and number."""
    first: dict[tuple[str, str, str], _Parts] = {}
    for parts, zone, row, seat in walk_seats(document):
        name = (_text(zone, "name"), _text(row, "row_number"), _text(seat, "seat_number"))
        if all(name) and first.setdefault(name, parts) != parts:
            yield Place(
                json_path((*parts, "seat_number")),
                f"section {shown(name[0])} has a seat {name[1]}-{name[2]} already, at "
                f"{json_path(first[name])}",
            )


def _sections(document: dict[str, Any]) -> Iterator[Place]:
    for at, zone in _objects(document, "zones"):
        if zone.get("rows") == [] and not zone.get("areas"):
            yield Place(json_path(("zones", at)), "the zone has neither rows nor areas")
        if (size := layout_bytes(zone)) > LARGEST_LAYOUT_BYTES:
            yield Place(
                json_path(("zones", at)),
                f"the zone takes {size:,} bytes; a section may take {LARGEST_LAYOUT_BYTES:,} "
                f"(1 MiB, DSQL's limit for a column): make several zones of it",
            )


def _areas(document: dict[str, Any]) -> Iterator[Place]:
    for at, zone in _objects(document, "zones"):
        for area_at, area in _objects(zone, "areas"):
            shape = _text(area, "shape")
            if shape in {"polygon", "rectangle", "ellipse", "circle", "text"} and shape not in area:
                yield Place(
                    json_path(("zones", at, "areas", area_at, shape)),
                    f'is missing, but the area\'s shape is "{shape}"',
                )


def _seat_count(document: dict[str, Any]) -> Iterator[Place]:
    seats = sum(1 for _ in walk_seats(document))
    if seats > MOST_SEATS:
        yield Place("$.zones", f"the plan has {seats:,} seats; at most {MOST_SEATS:,} are taken")
    if not seats and document.get("zones") and isinstance(document["zones"], list):
        yield Place("$.zones", "the plan has no seats")
