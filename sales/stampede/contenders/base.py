"""What a contender has to do, so that the same buyers can try the same with each.

What differs between contenders is the store alone: the buyers, their regions, their starting
line, their think times and, where a store knows conflicts, the policy of trying again are the
same for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sales.models import Seat, Shape, Stampede
from sales.stampede.buyers import Told, Wish
from sales.stampede.evidence import SeatSeen, TicketSeen
from sales.stampede.options import Options, options_of

__all__ = ["Contender", "Found", "Run", "Shop", "Unavailable", "run_of"]


class Unavailable(Exception):
    """A contender cannot run here; the message says what is missing."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One stampede, as a contender sees it. `seat_id` is None where any seat will do."""

    stampede_id: UUID
    event_id: UUID
    seat_id: UUID | None
    currency: str
    options: Options

    @property
    def chooses_seats(self) -> bool:
        """Tell whether a buyer who was refused looks for another seat."""
        return self.options.shape not in (Shape.ONE_SEAT, Shape.SPREAD)

    def load_seats(self) -> list[Seat]:
        """Return the seats at issue, in the plan's order, with their categories."""
        seats = Seat.objects.filter(event_id=self.event_id).select_related("category")
        return list(seats.filter(pk=self.seat_id) if self.seat_id else seats.in_order())


@dataclass(frozen=True)
class Found:
    """What a store holds at the end: its seats, its tickets, and what of it does not add up."""

    seats: Sequence[SeatSeen]
    tickets: Sequence[TicketSeen]
    books: Sequence[str] = ()


class Shop(Protocol):
    """Where the buyers of one region go; `enter` and `leave` are called on a buyer's thread."""

    @property
    def chooses_seats(self) -> bool:
        """Whether it chooses the seat by itself: `buy` then tells which."""

    def enter(self) -> None:
        """Connect, before the start."""

    def leave(self) -> None:
        """Let the thread's connection go."""

    def buy(self, wish: Wish, now: datetime) -> Told:
        """Try to buy one seat; never raises."""

    def free_seats(self, now: datetime) -> Sequence[UUID]:
        """Return the seats that can be had, in the plan's order, as this region sees them."""


class Contender(Protocol):
    """A store that sells, and how."""

    @property
    def name(self) -> str:
        """How `--contender` names it."""

    @property
    def title(self) -> str:
        """What it is, in one line, for every table and page that shows a result."""

    @property
    def sells_product(self) -> bool:
        """Whether it sells the event's own seats; if not, it has a store of its own."""

    def require(self, options: Options) -> None:
        """Raise Unavailable where it cannot run."""

    def describe(self, options: Options) -> str:
        """Say what the store is, lag and stand-ins included: shown with every result."""

    def prepare(self, run: Run) -> None:
        """Make the store and put the seats into it; may be called again."""

    def open(self, run: Run, region: str, fans: Sequence[UUID]) -> AbstractContextManager[Shop]:
        """Open a region's shop, in its process, for these fans."""

    def look(self, run: Run) -> Found | None:
        """Read what is committed, once nobody buys any more; None: the product's own tables."""

    def drop(self, run: Run) -> None:
        """Remove the store."""


def run_of(stampede: Stampede) -> Run:
    """Return a stampede as its contender sees it; load it with its event."""
    return Run(
        stampede_id=stampede.pk,
        event_id=stampede.event_id,
        seat_id=stampede.seat_id,
        currency=stampede.event.currency,
        options=options_of(stampede),
    )
