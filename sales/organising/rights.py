"""Which events, venues and jobs are an organiser's to see and to change."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from accounts.models import Role
from accounts.tenancy import organisations_of
from sales.back_office.access import RoleTooLow, own_event
from sales.models import BulkJob, Event, Venue

__all__ = [
    "JobNotFound",
    "VenueNotFound",
    "managed_event",
    "managed_venue",
    "may_manage",
    "visible_job",
]


class VenueNotFound(LookupError):
    """There is no such venue of yours."""


class JobNotFound(LookupError):
    """There is no such job of yours."""


def may_manage(user: Any, organisation_id: UUID, *, role: Role = Role.MANAGER) -> bool:
    """Tell whether a user has at least a role in an organisation."""
    return organisations_of(user, role=role).filter(pk=organisation_id).exists()


def managed_event(*, event_id: UUID, user: Any, role: Role = Role.MANAGER) -> Event:
    """Return an event of the user's organisation; raises EventNotFound and RoleTooLow."""
    return own_event(event_id=event_id, user=user, role=role)


def managed_venue(*, venue_id: UUID, user: Any, role: Role = Role.MANAGER) -> Venue:
    """Return a venue of the user's organisation; raises VenueNotFound and RoleTooLow."""
    venues = Venue.objects.select_related("organisation")
    venue = venues.filter(pk=venue_id, organisation__in=organisations_of(user)).first()
    if venue is None:
        raise VenueNotFound(VenueNotFound.__doc__)
    _require(user, venue.organisation_id, role)
    return venue


def visible_job(*, job_id: UUID, user: Any, role: Role = Role.VIEWER) -> BulkJob:
    """Return a job of the user's organisation; raises JobNotFound and RoleTooLow."""
    jobs = BulkJob.objects.select_related("event", "venue", "started_by")
    job = jobs.filter(pk=job_id, organisation__in=organisations_of(user)).first()
    if job is None:
        raise JobNotFound(JobNotFound.__doc__)
    _require(user, job.organisation_id, role)
    return job


def _require(user: Any, organisation_id: UUID, role: Role) -> None:
    if role != Role.VIEWER and not may_manage(user, organisation_id, role=role):
        raise RoleTooLow
