"""Stampedes that somebody asks for: who may, at which events, and how they are sent off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import Role
from accounts.tenancy import organisations_of
from sales.models import Event, Stampede
from sales.stampede.options import Options
from sales.stampede.plan import plan_stampede
from sales.stampede.settling import stop_stampede
from sales.stampede.workers import require_workers

__all__ = [
    "MayNotStampede",
    "StampedeNotFound",
    "events_for_stampedes",
    "may_stop",
    "order_stampede",
    "stop_as",
    "visible_stampede",
]


class StampedeNotFound(LookupError):
    """There is no such event or stampede, or none of the user's business."""


class MayNotStampede(Exception):
    """Only a manager of the organisation may start and stop its stampedes."""


def events_for_stampedes(user: Any) -> QuerySet[Event]:
    """Return the simulations at which a user may start a stampede, the newest first."""
    own = organisations_of(user, role=Role.MANAGER)
    return Event.objects.filter(organisation__in=own, is_simulation=True).order_by("-created_at")


def may_stop(user: Any, stampede: Stampede) -> bool:
    """Tell whether a user may stop a stampede."""
    return _works_for(user, stampede.event, Role.MANAGER)


def order_stampede(
    *,
    user: Any,
    event_id: UUID,
    seat_id: UUID | None,
    buyers: int,
    regions: Sequence[str],
    options: Options,
    send: Callable[[str], object],
    now: datetime,
) -> Stampede:
    """Plan a stampede at an event of the user's organisation, and send it off.

    `send` hands its id to the workers. Raises StampedeNotFound, MayNotStampede, CannotStampede
    (nothing is planned), NoWorker, BrokerUnreachable.
    """
    _require_manager(user, Event.objects.filter(pk=event_id).first())
    require_workers(regions)
    stampede_id = plan_stampede(
        event_id=event_id,
        seat_id=seat_id,
        buyers=buyers,
        regions=regions,
        started_by=user.pk,
        now=now,
        options=options,
    )
    send(str(stampede_id))
    return visible_stampede(user=user, stampede_id=stampede_id)


def visible_stampede(*, user: Any, stampede_id: UUID) -> Stampede:
    """Return a stampede at an event that the user may see; raises StampedeNotFound."""
    seen = Stampede.objects.filter(event__in=Event.objects.visible_to(user))
    found = seen.select_related("event", "seat").filter(pk=stampede_id).first()
    if found is None:
        raise StampedeNotFound
    return found


def stop_as(*, user: Any, stampede_id: UUID, now: datetime) -> Stampede:
    """Ask a stampede to stop; raises StampedeNotFound, MayNotStampede."""
    found = visible_stampede(user=user, stampede_id=stampede_id)
    _require_manager(user, found.event)
    stop_stampede(stampede_id=stampede_id, now=now)
    found.refresh_from_db()
    return found


def _require_manager(user: Any, event: Event | None) -> None:
    """Refuse who does not manage the event's organisation; to outsiders it is not there."""
    if event is None or not _works_for(user, event, Role.VIEWER):
        raise StampedeNotFound
    if not _works_for(user, event, Role.MANAGER):
        raise MayNotStampede


def _works_for(user: Any, event: Event, role: Role) -> bool:
    return organisations_of(user, role=role).filter(pk=event.organisation_id).exists()
