"""Events: when they sell, and to whom they show."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sales.models import Event, EventState

__all__ = [
    "EventNotFound",
    "NotOnSale",
    "check_on_sale",
    "find_event",
    "is_on_sale",
    "visible_event",
]


class NotOnSale(Exception):
    """The event does not sell at this time."""

    def __init__(self, event: Event, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.on_sale_at = event.on_sale_at


class EventNotFound(LookupError):
    """There is no such event."""


class HasSale(Protocol):
    """An event, or what was read of one."""

    @property
    def state(self) -> str:
        """One of EventState."""

    @property
    def plan_id(self) -> UUID | None:
        """Set when its seats are complete."""

    @property
    def on_sale_at(self) -> datetime:
        """From when on it sells."""

    @property
    def off_sale_at(self) -> datetime:
        """Until when."""


def check_on_sale(event: Event, *, now: datetime) -> None:
    """Raise NotOnSale unless the event sells at `now`."""
    if reason := _why_not_on_sale(event, now):
        raise NotOnSale(event, reason)


def is_on_sale(event: HasSale, *, now: datetime) -> bool:
    """Tell whether the event sells at `now`."""
    return not _why_not_on_sale(event, now)


def _why_not_on_sale(event: HasSale, now: datetime) -> str:
    if event.state == EventState.PAUSED:
        return "The sale is paused."
    if event.state == EventState.CANCELLED:
        return "The event is cancelled."
    if event.state != EventState.PUBLISHED:
        return "The event is not on sale."
    if event.plan_id is None:
        # An import sets the plan last: before, some of the seats may be missing.
        return "The event has no seats yet."
    if now < event.on_sale_at:
        return "The sale has not started."
    if now >= event.off_sale_at:
        return "The sale has ended."
    return ""


def visible_event(*, event_id: UUID, user: Any) -> Event:
    """Return an event with its plan, venue and organisation, if a user may see it.

    Raises EventNotFound, also for a draft of somebody else's organisation.
    """
    events = Event.objects.visible_to(user).select_related("organisation", "venue", "plan")
    event = events.filter(pk=event_id).first()
    if event is None:
        raise EventNotFound(f"There is no event {event_id}.")
    return event


def find_event(name: str) -> Event:
    """Return the event an operator names: by id, by slug, or by organisation/slug.

    Raises EventNotFound, which says what was looked for, and which names would be clear when
    several organisations use the slug.
    """
    events = Event.objects.select_related("organisation")
    organisation, _, slug = name.rpartition("/")
    found: list[Event] = list(
        events.filter(slug=slug, **({"organisation__slug": organisation} if organisation else {}))
        or _by_id(name)
    )
    if not found:
        raise EventNotFound(f"There is no event {name!r} (looked for an id and a slug).")
    if len(found) > 1:
        names = ", ".join(sorted(f"{each.organisation.slug}/{each.slug}" for each in found))
        raise EventNotFound(f"Several events are named {name!r}; use one of: {names}.")
    return found[0]


def _by_id(name: str) -> Any:
    try:
        return Event.objects.select_related("organisation").filter(pk=UUID(name))
    except ValueError:
        return []
