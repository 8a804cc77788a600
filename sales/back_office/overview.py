"""The organiser's events at a glance: what they are and how they sell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count

from sales.back_office.access import events_of
from sales.models import Event, Seat, SeatStatus, Ticket, TicketState
from worldseat.dsql.occ import occ_retry
from worldseat.keyset import Keyset

__all__ = ["EventLine", "Overview", "overview"]

_A_PAGE = 30


@dataclass(frozen=True)
class EventLine:
    """An event, how many of its seats are sold and held, and how many there are."""

    event: Event
    sold: int
    held: int
    seats: int

    @property
    def left(self) -> int:
        """How many are not sold: free, held or blocked."""
        return max(self.seats - self.sold, 0)


@dataclass(frozen=True)
class Overview:
    """A page of events, the latest first, and where the next page begins."""

    lines: Sequence[EventLine]
    following: str


@occ_retry(repeatable=True)
def overview(
    *, user: Any, now: datetime, words: str = "", after: str = "", size: int = _A_PAGE
) -> Overview:
    """List the events of a user's organisations, in three statements."""
    events = events_of(user).matching(words).select_related("organisation", "venue", "plan")
    page = Keyset(events.order_by("-starts_at", "-pk")).page_or_first(after, size)
    valid = Ticket.objects.filter(
        event__in=[event.pk for event in page.rows], state=TicketState.VALID
    )
    sold = dict(valid.values_list("event").annotate(number=Count("pk")))
    keeping = Seat.objects.filter(
        event__in=[event.pk for event in page.rows], status=SeatStatus.HELD, held_until__gt=now
    )
    held = dict(keeping.values_list("event").annotate(number=Count("pk")))
    lines = [
        EventLine(
            event,
            sold.get(event.pk, 0),
            held.get(event.pk, 0),
            event.plan.seat_count if event.plan else 0,
        )
        for event in page.rows
    ]
    return Overview(lines, page.following)
