"""What an organiser selects by a filter or a list, to be shown on the map before anything else."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.models import Role
from sales.models import BulkJob, Seat
from sales.organising.rights import managed_event
from sales.organising.selection import (
    SeatFilter,
    Selected,
    Selection,
    filtered,
    resolve,
)
from worldseat.dsql.occ import occ_retry

__all__ = ["accessible_seats", "find_seats", "recent_jobs", "seat_page"]


@occ_retry(repeatable=True)
def find_seats(*, event_id: UUID, user: Any, selection: Selection, now: datetime) -> Selected:
    """Return the seats that a selection means; raises EventNotFound and BadFilter."""
    event = managed_event(event_id=event_id, user=user, role=Role.VIEWER)
    return resolve(event, selection, now=now)


@occ_retry(repeatable=True)
def accessible_seats(*, event_id: UUID, user: Any) -> list[str]:
    """Return the ids of an event's accessible seats; raises EventNotFound."""
    event = managed_event(event_id=event_id, user=user, role=Role.VIEWER)
    seats = Seat.objects.filter(event=event, accessible=True)
    return [str(pk) for pk in seats.values_list("pk", flat=True)]


@occ_retry(repeatable=True)
def recent_jobs(*, event_id: UUID, user: Any, most: int = 10) -> list[BulkJob]:
    """Return an event's jobs, the latest first, without previews."""
    event = managed_event(event_id=event_id, user=user, role=Role.VIEWER)
    jobs = BulkJob.objects.filter(event=event).exclude(state="preview")
    return list(jobs.select_related("started_by").order_by("-created_at")[:most])


@occ_retry(repeatable=True)
def seat_page(
    *,
    event_id: UUID,
    user: Any,
    sought: SeatFilter,
    after: int | None,
    limit: int,
    now: datetime,
) -> tuple[list[Seat], int | None]:
    """Return some seats in the plan's order, after a place in it, and where to go on from.

    Raises EventNotFound and BadFilter.
    """
    event = managed_event(event_id=event_id, user=user, role=Role.VIEWER)
    seats = filtered(Seat.objects.filter(event=event), sought, now=now)
    if after is not None:
        seats = seats.filter(position__gt=after)
    found = list(seats.order_by("position")[: limit + 1])
    return found[:limit], found[limit - 1].position if len(found) > limit else None
