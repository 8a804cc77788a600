"""Which seats somebody might take: the best that are left, looked up and not held."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sales.best_available.blocks import deal
from sales.best_available.layout import layout_of
from sales.best_available.offers import free_in
from sales.best_available.splitting import split
from sales.occupancy import occupancy_of

__all__ = ["suggest_seats"]


def suggest_seats(
    *, event_id: UUID, quantity: int, category_id: UUID | None, now: datetime
) -> list[UUID]:
    """Return the best free seats as of less than a second ago: side by side if there are such.

    Of one category, or without `category_id` of any; empty where there are not as many. Costs the
    database nothing beyond what watchers of the chart cost. Raises EventNotFound.
    """
    found = occupancy_of(event_id=event_id, now=now)
    layout = layout_of(event_id=event_id, plan_id=found.plan_id)
    named = str(category_id) if category_id else ""
    eligible = frozenset(pk for pk, _ in found.categories if named in ("", pk))
    free = free_in(found, eligible, accessible=False)
    blocks = deal(layout, free, quantity)
    seats = blocks[0].seats if blocks else split(layout, free, quantity)
    return [UUID(seat) for seat in seats]
