"""Read a plan from a table (CSV): a line a seat, with or without its place.

Columns, in any order: `section`, `row`, `seat`, `category`; if wanted `guid`, `x`, `y`. A comma,
a semicolon or a tab parts them. Without places the sections are drawn one behind the other, their
rows in the table's order.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from typing import Any

from sales.plans.checks import MOST_SEATS
from sales.plans.parsing import MOST_PLACES, Plan, PlanInvalid, parse_plan
from sales.plans.places import Place
from sales.plans.reading import LARGEST_BYTES, PlanUnreadable

__all__ = ["COLUMNS", "SAMPLE", "parse_table"]

COLUMNS = ("section", "row", "seat", "category")
_OPTIONAL = ("guid", "x", "y")
_SPACING = 25.0
_MARGIN = 60.0
_STAGE_HEIGHT = 50.0
_COLORS = ("#7b2cbf", "#2a9d8f", "#e76f51", "#1d3557", "#f4a261", "#6a994e", "#bc4749", "#577590")

SAMPLE = """section,row,seat,category
Stalls,A,1,Premium
Stalls,A,2,Premium
Stalls,B,1,Standard
Stalls,B,2,Standard
Balcony,AA,1,Standard
Balcony,AA,2,Standard
"""

_Line = dict[str, str]


def parse_table(data: bytes, *, name: str) -> Plan:
    """Check a table of seats. Raises PlanUnreadable, and PlanInvalid with each bad line."""
    lines = _lines(_text(data))
    places = list(_problems(lines))
    if places:
        raise PlanInvalid(places[:MOST_PLACES], max(0, len(places) - MOST_PLACES))
    return parse_plan(json.dumps(_document(lines, name)).encode())


def _text(data: bytes) -> str:
    if len(data) > LARGEST_BYTES:
        raise PlanUnreadable(f"The table is larger than {LARGEST_BYTES // 1024**2} MiB.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PlanUnreadable(f"The table is not UTF-8 (line {line}). Save it as UTF-8.") from None
    if "\0" in text:
        raise PlanUnreadable("The table holds a NUL character.")
    if not text.strip():
        raise PlanUnreadable("The table is empty.")
    return text


def _lines(text: str) -> list[tuple[int, _Line]]:
    """Return each seat's line with its number, its names in small letters."""
    head = text.lstrip().splitlines()[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    found: list[tuple[int, _Line]] = []
    names: list[str] = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not names:
                names = _names(cells)
                continue
            values = [cell.strip() for cell in cells]
            if len(values) > len(names) and any(values[len(names) :]):
                raise PlanUnreadable(
                    f"Line {reader.line_num} has {len(values)} cells, and the first line names "
                    f"{len(names)} columns."
                )
            found.append((reader.line_num, dict(zip(names, values, strict=False))))
            if len(found) > MOST_SEATS:
                raise PlanUnreadable(f"The table has more than {MOST_SEATS:,} seats.")
    except csv.Error as error:
        raise PlanUnreadable(f"Line {reader.line_num} is no CSV: {error}.") from None
    if not found:
        raise PlanUnreadable("The table has no seats: only its first line, with the columns.")
    return found


def _names(cells: list[str]) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    missing = [name for name in COLUMNS if name not in names]
    unknown = [name for name in names if name and name not in (*COLUMNS, *_OPTIONAL)]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    said = []
    if missing:
        said.append(f"lacks {', '.join(missing)}")
    if unknown:
        said.append(f"has columns that are not known: {', '.join(unknown)}")
    if twice:
        said.append(f"names {', '.join(twice)} twice")
    if ("x" in names) != ("y" in names):
        said.append("has one of x and y: give both, or neither")
    if said:
        raise PlanUnreadable(
            f"The first line {'; '.join(said)}. Columns: {', '.join(COLUMNS)}; if wanted also "
            f"{', '.join(_OPTIONAL)}."
        )
    return names


def _problems(lines: list[tuple[int, _Line]]) -> Iterator[Place]:
    seen: dict[tuple[str, ...], int] = {}
    guids: dict[str, int] = {}
    for number, line in lines:
        where = f"line {number}"
        for column in COLUMNS:
            if not line.get(column):
                yield Place(f"{where}, {column}", "is empty")
        key = tuple(line.get(column, "") for column in ("section", "row", "seat"))
        if seen.setdefault(key, number) != number:
            yield Place(where, f"{key[0]} {key[1]}-{key[2]} is in line {seen[key]} already")
        guid = _guid(line)
        if guids.setdefault(guid, number) != number and seen[key] == number:
            yield Place(f"{where}, guid", f"{guid!r} is in line {guids[guid]} already")
        for axis in ("x", "y"):
            if axis in line and _number(line[axis]) is None:
                yield Place(f"{where}, {axis}", f"{line[axis]!r} is no number")


def _guid(line: _Line) -> str:
    return line.get("guid") or f"{line.get('section')}-{line.get('row')}-{line.get('seat')}"


def _number(text: str) -> float | None:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _document(lines: list[tuple[int, _Line]], name: str) -> dict[str, Any]:
    sections: dict[str, dict[str, list[_Line]]] = {}
    for _, line in lines:
        rows = sections.setdefault(line["section"], {})
        rows.setdefault(line["row"], []).append(line)
    zones = []
    top = _MARGIN + _STAGE_HEIGHT
    widest = max(len(row) for rows in sections.values() for row in rows.values())
    for section, rows in sections.items():
        zones.append(_zone(section, rows, top=top, widest=widest))
        top += (len(rows) + 1) * _SPACING
    categories = list(dict.fromkeys(line["category"] for _, line in lines))
    return {
        "name": name,
        "size": _size(zones, widest, top),
        "categories": [
            {"name": each, "color": _COLORS[at % len(_COLORS)]}
            for at, each in enumerate(categories)
        ],
        "zones": zones,
    }


def _size(zones: list[dict[str, Any]], widest: int, top: float) -> dict[str, float]:
    seats = [seat for zone in zones for row in zone["rows"] for seat in row["seats"]]
    right = max(seat["position"]["x"] for seat in seats)
    bottom = max(seat["position"]["y"] for seat in seats)
    return {
        "width": max(right, widest * _SPACING + _MARGIN) + _MARGIN,
        "height": max(bottom, top) + _MARGIN,
    }


def _zone(section: str, rows: dict[str, list[_Line]], *, top: float, widest: int) -> dict[str, Any]:
    return {
        "name": section,
        "zone_id": section,
        "position": {"x": 0, "y": 0},
        "areas": [],
        "rows": [
            {
                "row_number": row,
                "row_number_position": "both",
                "position": {"x": 0, "y": 0},
                "seats": [
                    {
                        "seat_guid": _guid(line),
                        "seat_number": line["seat"],
                        "position": _place(line, at, len(seats), row_at, top, widest),
                        "category": line["category"],
                    }
                    for at, line in enumerate(seats)
                ],
            }
            for row_at, (row, seats) in enumerate(rows.items())
        ],
    }


def _place(
    line: _Line, at: int, seats: int, row_at: int, top: float, widest: int
) -> dict[str, float]:
    if "x" in line:
        return {axis: _number(line[axis]) or 0.0 for axis in ("x", "y")}
    left = _MARGIN + (widest - seats) * _SPACING / 2
    return {"x": left + at * _SPACING, "y": top + row_at * _SPACING}
