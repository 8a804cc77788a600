"""The price categories of an event: what they cost, and how their seats stand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Count, Q

from accounts.audit import record
from accounts.models import Role
from sales.models import Event, PriceCategory, SeatStatus, free_at
from sales.organising.rights import managed_event
from worldseat.dsql.occ import occ_retry

__all__ = ["BadCategory", "CategoryLine", "add_category", "category_lines"]


class BadCategory(ValueError):
    """The category cannot be made so. Nothing was changed."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


@dataclass(frozen=True)
class CategoryLine:
    """A category and how many of its seats are free, held, sold, blocked."""

    category: PriceCategory
    available: int
    held: int
    sold: int
    blocked: int

    @property
    def seats(self) -> int:
        """How many seats it has."""
        return self.available + self.held + self.sold + self.blocked


@occ_retry(repeatable=True)
def category_lines(*, event_id: UUID, user: Any, now: datetime) -> list[CategoryLine]:
    """Count the seats of each category of an event, in one statement; raises EventNotFound."""
    event = managed_event(event_id=event_id, user=user, role=Role.VIEWER)
    of = {status: Q(seats__status=status) for status in SeatStatus}
    found = PriceCategory.objects.filter(event=event).annotate(
        free=Count("seats", filter=free_at(now, of="seats__")),
        in_hold=Count("seats", filter=of[SeatStatus.HELD] & Q(seats__held_until__gt=now)),
        gone=Count("seats", filter=of[SeatStatus.SOLD]),
        kept_back=Count("seats", filter=of[SeatStatus.BLOCKED]),
    )
    return [
        CategoryLine(each, each.free, each.in_hold, each.gone, each.kept_back)
        for each in found.order_by("position", "name")
    ]


@occ_retry()
def add_category(
    *,
    event_id: UUID,
    user: Any,
    name: str,
    price_minor: int,
    color: str = "#577590",
    now: datetime,
) -> PriceCategory:
    """Add a price category to an event. Raises EventNotFound, RoleTooLow and BadCategory."""
    event = managed_event(event_id=event_id, user=user)
    made = PriceCategory(
        event=event,
        name=name.strip(),
        price_minor=price_minor,
        color=color,
        position=event.categories.count(),
    )
    try:
        made.full_clean()
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        if field == "__all__":
            field, messages = "name", ["The event has a category of this name already."]
        raise BadCategory(field, messages[0]) from None
    made.save()
    _record(event, user, made, now)
    return made


def _record(event: Event, user: Any, made: PriceCategory, now: datetime) -> None:
    record(
        organisation_id=event.organisation_id,
        actor=user,
        action="category.added",
        subject=made,
        changes={
            "event": str(event.pk),
            "name": made.name,
            "price_minor": [None, made.price_minor],
        },
        now=now,
    )
