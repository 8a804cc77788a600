"""Plans to break: a small valid one, and ways to write and to read errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sales.demo import PLANS
from sales.plans import Plan, PlanInvalid, parse_plan

__all__ = ["PLANS", "document", "parsed", "places", "row", "seat", "zone"]


def seat(number: str = "1", **changes: Any) -> dict[str, Any]:
    """Return a seat of row A."""
    return {
        "seat_guid": f"guid-{number}",
        "seat_number": number,
        "position": {"x": 10, "y": 0},
        "category": "Front",
        **changes,
    }


def row(*seats: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return row A, with one seat unless some are given."""
    return {
        "row_number": "A",
        "position": {"x": 100, "y": 200},
        "seats": list(seats) or [seat()],
        **changes,
    }


def zone(*rows: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return the zone Floor, with row A unless some are given."""
    return {
        "name": "Floor",
        "position": {"x": 1000, "y": 2000},
        "rows": list(rows) or [row()],
        **changes,
    }


def document(*zones: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a plan with one zone, row and seat unless zones are given."""
    return {
        "name": "Small",
        "size": {"width": 100, "height": 100},
        "categories": [{"name": "Front", "color": "#aa0000"}],
        "zones": list(zones) or [zone()],
        **changes,
    }


def parsed(plan: dict[str, Any]) -> Plan:
    """Return the plan of a document."""
    return parse_plan(json.dumps(plan).encode())


def places(plan: dict[str, Any] | bytes) -> dict[str, str]:
    """Return the bad places of a plan, which has to have some."""
    data = plan if isinstance(plan, bytes) else json.dumps(plan).encode()
    with pytest.raises(PlanInvalid) as caught:
        parse_plan(data)
    return {each.path: each.problem for each in caught.value.places}
