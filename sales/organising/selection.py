"""Which seats are meant: by their ids (from the map), by a filter, or by a list of labels.

A selection is resolved once, to ids in the plan's order; what is done to each seat is decided
later, in the transaction that does it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db.models import Q, QuerySet

from sales.models import Event, Seat, SeatStatus, free_at
from sales.plans.numbers import BadNumbers, row_names

__all__ = ["BadFilter", "SeatFilter", "Selected", "Selection", "filtered", "resolve"]

_MOST_PIECES = 5_000
_SHOWN = 20
# Longer than any section, row and number together; the pattern takes its time over long texts.
_LONGEST_PIECE = 500
# [section:]row-number, or [section:]row-first..[row-]last
_LABEL = re.compile(
    r"(?:(?P<section>.+?)\s*[:\s]\s*)?(?P<row>[^\s:.]+?)-(?P<number>[^\s:.-]+)"
    r"(?:\s*\.\.\s*(?:(?P<last_row>[^\s:.]+?)-)?(?P<last>[^\s:.-]+))?"
)


class BadFilter(ValueError):
    """A field of the filter says nothing that can be understood."""

    def __init__(self, field_name: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field_name


@dataclass(frozen=True)
class SeatFilter:
    """Seats that are all of these; what is empty asks for nothing.

    `rows` and `numbers` are ranges: A-H, or 1-20, or lists of them. `parity` is odd or even.
    `price_minor` is the category's.
    """

    section: str = ""
    rows: str = ""
    numbers: str = ""
    parity: str = ""
    categories: tuple[UUID, ...] = ()
    statuses: tuple[str, ...] = ()
    accessible: bool | None = None
    price_minor: int | None = None


@dataclass(frozen=True)
class Selection:
    """Seats by ids, by a filter, by a list; what several of them name is meant once."""

    ids: Sequence[UUID] = ()
    filter: SeatFilter | None = None
    labels: str = ""


@dataclass(frozen=True)
class Selected:
    """The seats a selection came to, in the plan's order, and what of it names none."""

    ids: list[UUID]
    unknown: list[str] = field(default_factory=list)


class _Known(NamedTuple):
    id: UUID
    section: str
    row: str
    number: str
    guid: str


def resolve(event: Event, selection: Selection, *, now: datetime) -> Selected:
    """Return the seats of an event that are meant; raises BadFilter.

    What names no seat is listed, in words for people, and the others are selected all the same.
    """
    seats = Seat.objects.filter(event=event)
    columns = ("pk", "section", "row", "number", "guid")
    known = [_Known(*each) for each in seats.in_order().values_list(*columns)]
    wanted: set[UUID] = set()
    unknown: list[str] = []
    if selection.ids:
        own = {seat.id for seat in known}
        wanted |= own & set(selection.ids)
        if strangers := len(set(selection.ids) - own):
            unknown.append(f"{strangers} ids are no seats of this event")
    if selection.filter is not None:
        wanted |= set(filtered(seats, selection.filter, now=now).values_list("pk", flat=True))
    if selection.labels.strip():
        found, missing = _by_labels(known, selection.labels)
        wanted |= found
        unknown += missing
    return Selected([seat.id for seat in known if seat.id in wanted], _shortened(unknown))


def _shortened(unknown: list[str]) -> list[str]:
    more = len(unknown) - _SHOWN
    return unknown if more <= 0 else [*unknown[:_SHOWN], f"and {more} more"]


def filtered(seats: QuerySet[Seat], asked: SeatFilter, *, now: datetime) -> QuerySet[Seat]:
    """Narrow seats by a filter; raises BadFilter."""
    if asked.section:
        seats = seats.filter(section=asked.section)
    if asked.rows:
        seats = seats.filter(row__in=_names("rows", asked.rows))
    if asked.numbers:
        seats = seats.filter(number__in=_names("numbers", asked.numbers))
    if asked.parity:
        last = "13579" if asked.parity == "odd" else "02468"
        seats = seats.filter(number__regex=f"[{last}]$")
    if asked.categories:
        seats = seats.filter(category__in=asked.categories)
    if asked.statuses:
        seats = seats.filter(_in_status(asked.statuses, now))
    if asked.accessible is not None:
        seats = seats.filter(accessible=asked.accessible)
    if asked.price_minor is not None:
        seats = seats.filter(category__price_minor=asked.price_minor)
    return seats


def _in_status(statuses: Iterable[str], now: datetime) -> Q:
    """Return the condition of a status as people see it: an expired hold keeps nothing."""
    condition = Q(pk__in=[])
    for status in statuses:
        if status == SeatStatus.AVAILABLE:
            condition |= free_at(now)
        elif status == SeatStatus.HELD:
            condition |= Q(status=SeatStatus.HELD, held_until__gt=now)
        else:
            condition |= Q(status=status)
    return condition


def _names(field_name: str, text: str) -> list[str]:
    """Return the names of rows or numbers; one that is no range stands for itself."""
    names: list[str] = []
    for part in (each.strip() for each in text.split(",")):
        try:
            names += row_names(part)
        except BadNumbers as error:
            if not part or "-" in part:
                raise BadFilter(field_name, str(error)) from None
            names.append(part)
    return names


def _by_labels(known: list[_Known], text: str) -> tuple[set[UUID], list[str]]:
    found: set[UUID] = set()
    missing: list[str] = []
    by_guid = {seat.guid: seat for seat in known}
    rows: dict[tuple[str, str], list[_Known]] = {}
    for seat in known:
        rows.setdefault((seat.section, seat.row), []).append(seat)
    pieces = [piece.strip() for piece in re.split(r"[,;\n]", text) if piece.strip()]
    if len(pieces) > _MOST_PIECES:
        raise BadFilter("labels", f"The list has more than {_MOST_PIECES:,} entries.")
    for piece in pieces:
        if piece in by_guid:
            found.add(by_guid[piece].id)
            continue
        seats, problem = _piece(piece, rows)
        found |= {seat.id for seat in seats}
        if problem:
            missing.append(f"{piece[:60]}: {problem}")
    return found, missing


def _piece(piece: str, rows: dict[tuple[str, str], list[_Known]]) -> tuple[list[_Known], str]:
    """Return the seats of `A-1`, `A-3..A-10` or `Floor B-2..6`, and what is wrong with it."""
    match = _LABEL.fullmatch(piece) if len(piece) <= _LONGEST_PIECE else None
    if not match:
        return [], "write A-1, A-3..A-10, or Floor: A-1"
    row, first, last = match["row"], match["number"], match["last"]
    if (match["last_row"] or row) != row:
        return [], "a range stays in one row"
    own = [
        (section, seats)
        for (section, name), seats in rows.items()
        if name == row and match["section"] in (None, section)
    ]
    hits = [
        (section, [s for s in seats if _within(s.number, first, last)]) for section, seats in own
    ]
    hits = [(section, seats) for section, seats in hits if seats]
    if not hits:
        return [], "there is no such seat"
    if len(hits) > 1:
        names = ", ".join(section for section, _ in hits[:5])
        return [], f"several sections have it ({names}): put the section before it"
    return hits[0][1], ""


def _within(number: str, first: str, last: str | None) -> bool:
    if last is None:
        return number == first
    if number.isdecimal() and first.isdecimal() and last.isdecimal():
        low, high = sorted((int(first), int(last)))
        return low <= int(number) <= high
    return first <= number <= last
