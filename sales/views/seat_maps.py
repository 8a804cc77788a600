"""The seat map of an event as SVG: the chart alone, without statuses, so that it can be kept."""

from __future__ import annotations

import gzip
import hashlib
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import pairwise
from typing import Any

from django.core.cache import caches

from sales.charts import Chart, ChartSeat, ChartSection, chart_of
from sales.models import Event, PriceCategory

__all__ = ["draw", "drawn", "version_of"]

# Part of the version: count it up when the drawing changes.
_DRAWING = "2"
_KEPT_SECONDS = 24 * 60 * 60
_COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}|[a-zA-Z]{3,30}")
_PLAIN = "#d9d9d9"


def version_of(event: Event, categories: Sequence[PriceCategory]) -> str:
    """Return what changes when the drawing does: the plan, the painting, the colours."""
    parts = [_DRAWING, str(event.pk), str(event.plan_id), str(event.chart_version)]
    parts += [f"{each.pk}{each.color}" for each in categories]
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]


def drawn(*, event: Event, version: str, user: Any) -> bytes:
    """Return the map as gzipped SVG, from the cache if it was drawn before.

    17,496 seats take a second to read and draw, and are the same for everybody.
    Raises EventNotFound for what the user may not see.
    """
    key = f"seat-map:{version}"
    cache = caches["optional"]
    kept: bytes | None = cache.get(key)
    if kept is None:
        svg = draw(chart_of(event_id=event.pk, user=user))
        kept = gzip.compress(svg.encode(), compresslevel=6, mtime=0)
        cache.set(key, kept, _KEPT_SECONDS)
    return kept


def draw(chart: Chart) -> str:
    """Draw a chart as SVG: a circle a seat, in groups a row and a section, and the shapes.

    A circle's id is the seat's, its class the category's place in the legend (`k0`).
    """
    radius = _radius(chart)
    kinds = {str(category.pk): at for at, category in enumerate(chart.categories)}
    colours = {str(category.pk): category.color for category in chart.categories}
    body = "".join(
        [
            *(_shapes(section) for section in chart.sections),
            *(_seats(section, kinds, colours, radius) for section in chart.sections),
        ]
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{_extent(chart, radius)}" '
        f'data-radius="{radius:g}" font-family="system-ui, sans-serif">{body}</svg>'
    )


def _extent(chart: Chart, radius: float) -> str:
    """Return the box around all seats and shapes: plans put some outside of their own size."""
    xs, ys = [], []
    for section in chart.sections:
        places = [(seat.x, seat.y) for _, seats in section.rows for seat in seats]
        places += [corner for area in section.areas for corner in _corners(area, section)]
        xs += [x for x, _ in places]
        ys += [y for _, y in places]
    margin = radius * 4
    left, top = min(xs, default=0) - margin, min(ys, default=0) - margin
    width, height = max(xs, default=100) + margin - left, max(ys, default=100) + margin - top
    return f"{left:.1f} {top:.1f} {width:.1f} {height:.1f}"


def _corners(area: dict[str, Any], section: ChartSection) -> Iterator[tuple[float, float]]:
    """Yield points at the rim of a shape; its rotation is left out of account."""
    place = area.get("position") or {}
    x, y = section.x + place.get("x", 0), section.y + place.get("y", 0)
    box = area.get("rectangle") or {}
    round_ = (area.get("circle") or {}).get("radius", 0)
    oval = (area.get("ellipse") or {}).get("radius") or {"x": round_, "y": round_}
    yield x, y
    yield x + box.get("width", 0), y + box.get("height", 0)
    yield x - oval.get("x", 0), y - oval.get("y", 0)
    yield x + oval.get("x", 0), y + oval.get("y", 0)
    for point in (area.get("polygon") or {}).get("points") or []:
        yield x + point["x"], y + point["y"]


def _radius(chart: Chart) -> float:
    """Return a radius at which neighbours do not touch: of half of them, the nearest."""
    gaps = sorted(
        math.hypot(b.x - a.x, b.y - a.y)
        for section in chart.sections
        for _, seats in section.rows
        for a, b in pairwise(seats)
    )
    apart = [gap for gap in gaps if gap > 0]
    return round(apart[len(apart) // 4] * 0.42, 2) if apart else 10.0


def _seats(
    section: ChartSection, kinds: dict[str, int], colours: dict[str, str], radius: float
) -> str:
    rows = "".join(_row(row, seats, kinds, colours, radius) for row, seats in section.rows)
    return f'<g class="section" data-section="{escape(section.name)}">{rows}</g>'


def _row(
    row: str, seats: list[ChartSeat], kinds: dict[str, int], colours: dict[str, str], radius: float
) -> str:
    circles = "".join(
        f'<circle id="{seat.id}" class="k{kinds[seat.category]}" '
        f'fill="{_colour(colours[seat.category])}" data-n="{escape(seat.number)}" '
        f'cx="{seat.x:g}" cy="{seat.y:g}" r="{radius:g}"/>'
        for seat in seats
    )
    return f'<g data-row="{escape(row)}">{circles}{_row_label(row, seats, radius)}</g>'


def _row_label(row: str, seats: list[ChartSeat], radius: float) -> str:
    """Write a row's name before its first seat, in the direction the row comes from."""
    first, second = seats[0], seats[1] if len(seats) > 1 else seats[0]
    dx, dy = first.x - second.x, first.y - second.y
    length = math.hypot(dx, dy) or 1.0
    dx, dy = (dx / length, dy / length) if len(seats) > 1 else (-1.0, 0.0)
    x, y = first.x + dx * radius * 2.3, first.y + dy * radius * 2.3
    return _text(row, x, y, radius * 1.3, "#8a8a8a")


def _shapes(section: ChartSection) -> str:
    return "".join(_shape(area, section.x, section.y) for area in section.areas)


def _shape(area: dict[str, Any], x: float, y: float) -> str:
    """Draw one of pretix's areas; what the format does not know is left out."""
    place = area.get("position") or {}
    x, y = x + place.get("x", 0), y + place.get("y", 0)
    parts = "".join(_outline(area)) + "".join(_caption(area.get("text") or {}))
    turn = area.get("rotation") or 0
    return f'<g transform="translate({x:g} {y:g}) rotate({turn:g})">{parts}</g>' if parts else ""


def _outline(area: dict[str, Any]) -> Iterator[str]:
    paint = (
        f'fill="{_colour(area.get("color"))}" stroke="{_colour(area.get("border_color"), "none")}"'
    )
    match area.get("shape"):
        case "rectangle":
            box = area.get("rectangle") or {}
            width, height = box.get("width", 0), box.get("height", 0)
            yield f'<rect width="{width:g}" height="{height:g}" {paint}/>'
        case "circle":
            yield f'<circle r="{(area.get("circle") or {}).get("radius", 0):g}" {paint}/>'
        case "ellipse":
            radius = (area.get("ellipse") or {}).get("radius") or {}
            yield f'<ellipse rx="{radius.get("x", 0):g}" ry="{radius.get("y", 0):g}" {paint}/>'
        case "polygon":
            points = _points((area.get("polygon") or {}).get("points") or [])
            yield f'<polygon points="{points}" {paint}/>'


def _points(points: Iterable[dict[str, float]]) -> str:
    return " ".join(f"{point['x']:g},{point['y']:g}" for point in points)


def _caption(text: dict[str, Any]) -> Iterator[str]:
    if text.get("text"):
        place = text.get("position") or {}
        size, colour = text.get("size") or 16, text.get("color") or "#333333"
        yield _text(str(text["text"]), place.get("x", 0), place.get("y", 0), size, colour)


def _text(text: str, x: float, y: float, size: float, colour: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{_colour(colour, "#333333")}" '
        f'text-anchor="middle" dominant-baseline="central">{escape(text)}</text>'
    )


def _colour(colour: Any, otherwise: str = _PLAIN) -> str:
    """Return a colour that is one: a plan comes from a file."""
    return colour if isinstance(colour, str) and _COLOUR.fullmatch(colour) else otherwise
