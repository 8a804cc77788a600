"""Seats: finding one by its name, and what is said of those that cannot be had."""

from __future__ import annotations

from collections.abc import Sequence

from sales.models import Event, Seat

__all__ = ["SeatNotFound", "SeatTaken", "UnknownSeat", "find_seat"]


class UnknownSeat(LookupError):
    """The event has no seat with this id, or the seat no such price type."""


class SeatTaken(Exception):
    """Some of the seats are not available any more."""

    def __init__(self, seats: Sequence[Seat]) -> None:
        listed = "; ".join(f"Seat {seat} is {seat.status}" for seat in seats)
        super().__init__(f"{listed}.")
        self.seats = list(seats)


class SeatNotFound(LookupError):
    """The event has no such seat."""


def find_seat(*, event: Event, name: str) -> Seat:
    """Return the seat an operator names: `A-1` (row and number), or its name in the plan.

    Raises SeatNotFound, which lists the plan's names when several sections have an `A-1`.
    """
    row, _, number = name.rpartition("-")
    seats = Seat.objects.filter(event=event)
    found = list(seats.filter(guid=name) or seats.filter(row=row, number=number).in_order()[:10])
    if not found:
        raise SeatNotFound(f"The event {event.slug!r} has no seat {name!r}.")
    if len(found) > 1:
        names = ", ".join(seat.guid for seat in found)
        raise SeatNotFound(f"Several seats are labelled {name!r}; name one of: {names}.")
    return found[0]
