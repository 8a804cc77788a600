"""A venue's seating plans: uploaded to be looked at, compared, taken, and made into seats."""

from __future__ import annotations

import zoneinfo
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from accounts.audit import record
from accounts.models import Organisation, Role
from accounts.tenancy import organisations_of
from sales.back_office.access import RoleTooLow
from sales.models import Event, SeatingPlan, Venue
from sales.organising.rights import managed_venue, may_manage
from sales.plans import Plan, PlannedSeat, plan_of, store_plan
from worldseat.dsql.occ import occ_retry

__all__ = [
    "BadVenue",
    "Comparison",
    "PlanFile",
    "PlanInUse",
    "PlanNotFound",
    "add_venue",
    "compare",
    "discard_plan",
    "keep_plan",
    "plan_file",
    "plans_of",
    "take_plan",
    "venues_of",
    "visible_plan",
]

_SAMPLES = 20


class PlanNotFound(LookupError):
    """There is no such seating plan of yours."""


class BadVenue(ValueError):
    """The venue cannot be made so. Nothing was changed."""

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        self.errors = dict(errors)
        super().__init__(self.__doc__)


class PlanInUse(Exception):
    """Events use the plan, or it was taken: it stays. Nothing was changed."""


@dataclass(frozen=True)
class Comparison:
    """What another plan has that this one has not, seat by seat (by their names in the plan)."""

    added: int = 0
    removed: int = 0
    changed: int = 0
    same: int = 0
    samples: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class PlanFile:
    """A plan with its seats, and what is new in it against the venue's latest other one."""

    stored: SeatingPlan
    plan: Plan
    former: SeatingPlan | None
    comparison: Comparison | None
    by_section: list[tuple[str, int]]
    by_category: list[tuple[str, str, int]]
    events: list[Event]
    waiting: list[Event]
    others: list[Event]


def venues_of(user: Any, *, role: Role = Role.VIEWER) -> QuerySet[Venue]:
    """Return the venues of a user's organisations."""
    own = organisations_of(user, role=role)
    return Venue.objects.filter(organisation__in=own).select_related("organisation")


@occ_retry()
def add_venue(
    *, organisation_id: UUID, user: Any, name: str, city: str, time_zone: str, now: datetime
) -> Venue:
    """Make a venue. Raises RoleTooLow and BadVenue."""
    if not may_manage(user, organisation_id):
        raise RoleTooLow
    organisation = Organisation.objects.get(pk=organisation_id)
    made = Venue(organisation=organisation, name=name, city=city, time_zone=time_zone)
    if time_zone not in zoneinfo.available_timezones():
        raise BadVenue({"time_zone": ["Use a name such as Europe/Lisbon."]})
    try:
        made.full_clean()
    except ValidationError as error:
        errors = error.message_dict
        if "__all__" in errors:
            errors["name"] = ["You have a venue of this name already."]
            del errors["__all__"]
        raise BadVenue(errors) from None
    made.save()
    record(
        organisation_id=organisation_id,
        actor=user,
        action="venue.created",
        subject=made,
        changes={"name": [None, name]},
        now=now,
    )
    return made


@occ_retry(repeatable=True)
def plans_of(*, venue_id: UUID, user: Any) -> list[SeatingPlan]:
    """Return a venue's plans, the latest first, without uploads. Raises VenueNotFound."""
    venue = managed_venue(venue_id=venue_id, user=user, role=Role.VIEWER)
    return list(venue.seating_plans.filter(is_upload=False).order_by("-created_at"))


def keep_plan(*, venue_id: UUID, user: Any, plan: Plan) -> UUID:
    """Keep an uploaded plan for a look at it. Raises VenueNotFound and RoleTooLow."""
    _require_manager(venue_id=venue_id, user=user)
    return store_plan(venue_id=venue_id, plan=plan, is_upload=True)


@occ_retry(repeatable=True)
def _require_manager(*, venue_id: UUID, user: Any) -> None:
    managed_venue(venue_id=venue_id, user=user)


def visible_plan(*, plan_id: UUID, user: Any, role: Role = Role.VIEWER) -> SeatingPlan:
    """Return a plan of the user's organisation; raises PlanNotFound and RoleTooLow."""
    plans = SeatingPlan.objects.select_related("venue")
    found = plans.filter(pk=plan_id, organisation__in=organisations_of(user)).first()
    if found is None:
        raise PlanNotFound(PlanNotFound.__doc__)
    if role != Role.VIEWER and not may_manage(user, found.organisation_id, role=role):
        raise RoleTooLow
    return found


@occ_retry(repeatable=True)
def plan_file(*, plan_id: UUID, user: Any) -> PlanFile:
    """Read a plan, and compare it with the venue's latest other one.

    `waiting` are the venue's drafts without seats, `others` its events with another plan.
    Raises PlanNotFound and PlanIncomplete.
    """
    stored = visible_plan(plan_id=plan_id, user=user)
    plan = plan_of(stored)
    others = SeatingPlan.objects.filter(venue=stored.venue, is_upload=False)
    former = others.exclude(pk=stored.pk).order_by("-created_at").first()
    colors = {each["name"]: each["color"] for each in plan.categories}
    events = Event.objects.filter(venue=stored.venue).order_by("starts_at")
    return PlanFile(
        stored=stored,
        plan=plan,
        former=former,
        comparison=compare(plan_of(former), plan) if former else None,
        by_section=list(Counter(seat.section for seat in plan.seats).items()),
        by_category=[
            (name, colors[name], number) for name, number in plan.seats_of_categories().items()
        ],
        events=list(events.filter(plan=stored)),
        waiting=list(events.filter(plan=None, state="draft")),
        others=list(events.exclude(plan=None).exclude(plan=stored).exclude(state="closed")),
    )


def compare(old: Plan, new: Plan) -> Comparison:
    """Compare two plans by the names of their seats."""
    before = {seat.guid: seat for seat in old.seats}
    after = {seat.guid: seat for seat in new.seats}
    added = [after[guid] for guid in after if guid not in before]
    removed = [before[guid] for guid in before if guid not in after]
    both = [(before[guid], after[guid]) for guid in after if guid in before]
    changed = [(was, now) for was, now in both if _told(was) != _told(now)]
    samples = [
        *(f"{_name(seat)} is added" for seat in added[:_SAMPLES]),
        *(f"{_name(seat)} is removed" for seat in removed[:_SAMPLES]),
        *(f"{_name(was)} is changed" for was, _ in changed[:_SAMPLES]),
    ]
    return Comparison(
        len(added), len(removed), len(changed), len(both) - len(changed), samples[: 2 * _SAMPLES]
    )


def _told(seat: PlannedSeat) -> tuple[Any, ...]:
    return (seat.section, seat.row, seat.number, seat.category, seat.x, seat.y)


def _name(seat: PlannedSeat) -> str:
    return f"{seat.section} {seat.row}-{seat.number}"


@occ_retry(repeatable=True)
def take_plan(*, plan_id: UUID, user: Any, now: datetime) -> SeatingPlan:
    """Take an upload as a plan of its venue: its latest version. Events stay as they are.

    Raises PlanNotFound and RoleTooLow.
    """
    stored = visible_plan(plan_id=plan_id, user=user, role=Role.MANAGER)
    if not stored.is_upload:
        return stored
    stored.is_upload = False
    stored.created_at = now
    stored.save(update_fields=["is_upload", "created_at"])
    record(
        organisation_id=stored.organisation_id,
        actor=user,
        action="plan.taken",
        subject=stored,
        changes={"venue": str(stored.venue_id), "seats": stored.seat_count},
        now=now,
    )
    return stored


@occ_retry(repeatable=True)
def discard_plan(*, plan_id: UUID, user: Any) -> None:
    """Delete an upload. Raises PlanNotFound, RoleTooLow, and PlanInUse for what was taken."""
    stored = visible_plan(plan_id=plan_id, user=user, role=Role.MANAGER)
    if not stored.is_upload or stored.events.exists():
        raise PlanInUse(PlanInUse.__doc__)
    stored.delete()
