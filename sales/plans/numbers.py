"""Make a plan by numbers: sections of straight rows, `--rows A-H --seats 12`."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sales.plans.checks import MOST_SEATS
from sales.plans.parsing import Plan, parse_plan

__all__ = ["MOST_ROWS", "MOST_SEATS_A_ROW", "BadNumbers", "Block", "plan_by_numbers", "row_names"]

MOST_ROWS = 500
MOST_SEATS_A_ROW = 500

_SPACING = 25
_MARGIN = 60
_STAGE_HEIGHT = 50
_COLORS = ("#7b2cbf", "#2a9d8f", "#e76f51", "#1d3557", "#f4a261", "#6a994e", "#bc4749", "#577590")
_RANGE = re.compile(r"([A-Za-z]{1,3}|[0-9]{1,6})(?:-([A-Za-z]{1,3}|[0-9]{1,6}))?")


class BadNumbers(ValueError):
    """No plan can be made of these numbers."""


@dataclass(frozen=True)
class Block:
    """A section by numbers: `rows` as A-H, AA-AF, 1-20 or A-H,J-M; each with `seats` seats.

    `skip` are letters that no row's name has, such as IO. The seats of a row are numbered from
    `first` by `step` (2: odd or even ones), from the left, or `backwards`. `seats_by_row` gives
    each row's own number of seats, in order. `spacing` is between seats and between rows.
    """

    section: str
    rows: str
    seats: int
    category: str = "Standard"
    skip: str = ""
    first: int = 1
    step: int = 1
    backwards: bool = False
    seats_by_row: tuple[int, ...] = ()
    spacing: float = 25

    def rows_with_seats(self) -> list[tuple[str, int]]:
        """Return each row's name and how many seats it has; raises BadNumbers."""
        left_out = set(self.skip.upper())
        names = [name for name in row_names(self.rows) if not left_out & set(name.upper())]
        if not names:
            raise BadNumbers(f"No row of {self.rows!r} is left without {self.skip!r}.")
        numbers = self.seats_by_row or (self.seats,) * len(names)
        if len(numbers) != len(names):
            raise BadNumbers(
                f"{self.section!r} has {len(names)} rows, and {len(numbers)} numbers of seats."
            )
        for number in numbers:
            if not 1 <= number <= MOST_SEATS_A_ROW:
                raise BadNumbers(
                    f"{number} seats a row in {self.section!r}: use 1 to {MOST_SEATS_A_ROW}."
                )
        return list(zip(names, numbers, strict=True))

    def seat_numbers(self, seats: int) -> list[int]:
        """Return a row's numbers, from the left."""
        numbers = [self.first + at * self.step for at in range(seats)]
        return numbers[::-1] if self.backwards else numbers


def plan_by_numbers(blocks: Sequence[Block]) -> Plan:
    """Make a plan of sections, one behind the other, seen from the stage.

    Raises BadNumbers, and PlanInvalid for names that are too long or used twice.
    """
    if not blocks:
        raise BadNumbers("No section is given.")
    sections = [block.section.strip() for block in blocks]
    for name in sections:
        if sections.count(name) > 1:
            raise BadNumbers(f"The section {name!r} is given twice; use names that differ.")
    seats = sum(number for block in blocks for _, number in block.rows_with_seats())
    if seats > MOST_SEATS:
        raise BadNumbers(f"That makes {seats:,} seats; a plan has at most {MOST_SEATS:,}.")
    return parse_plan(json.dumps(_document(blocks)).encode())


def row_names(rows: str) -> list[str]:
    """Return the names of rows: A-C is A, B, C; Y-AB is Y, Z, AA, AB; 8-10 is 8, 9, 10.

    Ranges may be listed, as A-H,J-M. Raises BadNumbers.
    """
    names: list[str] = []
    for part in rows.split(","):
        names += _range(part.strip())
        if len(names) > MOST_ROWS:
            raise BadNumbers(f"The rows {rows!r} are more than {MOST_ROWS}.")
    if twice := [name for at, name in enumerate(names) if name in names[:at]]:
        raise BadNumbers(f"The rows {rows!r} name {twice[0]!r} twice.")
    return names


def _range(part: str) -> list[str]:
    match = _RANGE.fullmatch(part)
    if not match:
        raise BadNumbers(f"The rows {part!r} are no range; write A-H, AA-AF, 1-20 or A-H,J-M.")
    first, last = match[1], match[2] or match[1]
    if _kind(first) != _kind(last):
        raise BadNumbers(f"The rows {part!r} mix kinds; use two of A, a and 1 alike.")
    start, end = _ordinal(first), _ordinal(last)
    if start > end:
        raise BadNumbers(f"The rows {part!r} run backwards; write {last}-{first}.")
    if end - start >= MOST_ROWS:
        raise BadNumbers(f"The rows {part!r} are more than {MOST_ROWS}.")
    return [_name(number, first) for number in range(start, end + 1)]


def _kind(name: str) -> str:
    if name.isdecimal():
        if name[0] == "0":
            raise BadNumbers(f"The row {name!r} starts with a zero; count from 1.")
        return "number"
    if not name.isupper() and not name.islower():
        raise BadNumbers(f"The row {name!r} mixes capitals and small letters.")
    return "capitals" if name.isupper() else "small"


def _ordinal(name: str) -> int:
    """Count as spreadsheets do: A is 1, Z is 26, AA is 27."""
    if name.isdecimal():
        return int(name)
    number = 0
    for letter in name.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _name(number: int, like: str) -> str:
    if like.isdecimal():
        return str(number)
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters if like.isupper() else letters.lower()


def _document(blocks: Sequence[Block]) -> dict[str, Any]:
    widest = max(_width(block) for block in blocks)
    zones = []
    top: float = _MARGIN + _STAGE_HEIGHT + _SPACING
    for block in blocks:
        zones.append(_zone(block, left=_MARGIN + (widest - _width(block)) / 2, top=top))
        top += (len(zones[-1]["rows"]) + 1) * block.spacing
    zones[0]["areas"] = [_stage(zones[0]["position"], widest)]
    seats = sum(len(row["seats"]) for zone in zones for row in zone["rows"])
    categories = list(dict.fromkeys(block.category.strip() for block in blocks))
    names = _shortened(", ".join(block.section.strip() for block in blocks))
    return {
        "name": f"{names}, {seats} seats",
        "size": {"width": widest + 2 * _MARGIN, "height": top + _MARGIN},
        "categories": [
            {"name": name, "color": _COLORS[at % len(_COLORS)]}
            for at, name in enumerate(categories)
        ],
        "zones": zones,
    }


def _shortened(text: str, longest: int = 150) -> str:
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def _width(block: Block) -> float:
    return max(seats for _, seats in block.rows_with_seats()) * block.spacing


def _zone(block: Block, *, left: float, top: float) -> dict[str, Any]:
    section = block.section.strip()
    return {
        "name": section,
        "zone_id": section,
        "position": {"x": left, "y": top},
        "areas": [],
        "rows": [
            _row(block, row, seats, at) for at, (row, seats) in enumerate(block.rows_with_seats())
        ],
    }


def _row(block: Block, row: str, seats: int, at: int) -> dict[str, Any]:
    """Return a row, in the middle of its section."""
    indent = (_width(block) - seats * block.spacing) / 2
    return {
        "row_number": row,
        "row_number_position": "both",
        "position": {"x": indent or 0, "y": at * block.spacing},
        "seats": [
            {
                "seat_guid": f"{block.section.strip()}-{row}-{number}",
                "seat_number": str(number),
                "position": {"x": (place + 0.5) * block.spacing, "y": 0},
                "category": block.category.strip(),
            }
            for place, number in enumerate(block.seat_numbers(seats))
        ],
    }


def _stage(origin: dict[str, float], widest: float) -> dict[str, Any]:
    """Return the stage, above the first section: areas are placed within their zone."""
    width = widest if widest > 200 else 200
    return {
        "shape": "rectangle",
        "color": "#d9d9d9",
        "border_color": "#8c8c8c",
        "rotation": 0,
        "position": {
            "x": _MARGIN + (widest - width) / 2 - origin["x"],
            "y": _MARGIN / 2 - origin["y"],
        },
        "rectangle": {"width": width, "height": _STAGE_HEIGHT},
        "text": {
            "text": "Stage",
            "color": "#333333",
            "size": 18,
            "position": {"x": width / 2, "y": _STAGE_HEIGHT / 2},
        },
    }
