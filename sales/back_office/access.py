"""Which events a member of an organisation works on, and in what role."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from accounts.models import Role
from accounts.tenancy import organisations_of
from sales.events import EventNotFound
from sales.models import Event, EventQuerySet

__all__ = ["RoleTooLow", "events_of", "own_event"]


class RoleTooLow(Exception):
    """Your role in the organisation does not allow this."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


def events_of(user: Any, *, role: Role = Role.VIEWER) -> EventQuerySet:
    """Return the events of the organisations in which a user has at least a role."""
    return Event.objects.filter(organisation__in=organisations_of(user, role=role))


def own_event(*, event_id: UUID, user: Any, role: Role = Role.VIEWER) -> Event:
    """Return an event of the user's organisation, with its organisation and venue.

    Raises EventNotFound for another organisation's, and RoleTooLow for who may see it only.
    """
    events = events_of(user).select_related("organisation", "venue")
    event = events.filter(pk=event_id).first()
    if event is None:
        raise EventNotFound(f"There is no event {event_id}.")
    if not organisations_of(user, role=role).filter(pk=event.organisation_id).exists():
        raise RoleTooLow
    return event
