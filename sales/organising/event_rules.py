"""An event as a draft, and its rules changed later; each change is in the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils.text import slugify

from accounts.audit import changed, record, values_of
from sales.models import Event, EventKind, EventState
from sales.organising.promises import broken_promises, renew_seeds
from sales.organising.rights import managed_event, managed_venue
from sales.outbox import event_changed, write
from worldseat.dsql.occ import occ_retry

__all__ = ["RULES", "BadEvent", "change_event", "create_event", "free_slug"]

# What an organiser may change; the state has its own moves (event_states).
RULES = (
    "name",
    "description",
    "starts_at",
    "on_sale_at",
    "off_sale_at",
    "limit_per_fan",
    "hold_seconds",
    "hold_limit_seconds",
    "fee_minor",
    "fee_basis_points",
    "fans_cancel_until",
)


class BadEvent(ValueError):
    """Some of the event's fields cannot be so. Nothing was changed."""

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        self.errors = dict(errors)
        super().__init__(" ".join(message for each in errors.values() for message in each))


@occ_retry()
def create_event(
    *, venue_id: UUID, user: Any, currency: str, fields: Mapping[str, Any], now: datetime
) -> Event:
    """Make a draft at a venue. `fields` are of RULES, and `slug`, made of the name if missing.

    Raises VenueNotFound, RoleTooLow and BadEvent.
    """
    venue = managed_venue(venue_id=venue_id, user=user)
    given = dict(fields)
    slug = given.pop("slug", "") or free_slug(venue.organisation_id, given.get("name", ""))
    made = Event(
        organisation_id=venue.organisation_id,
        venue=venue,
        currency=currency,
        slug=slug,
        state=EventState.DRAFT,
        **_known(given),
    )
    _validate(made)
    made.save()
    record(
        organisation_id=venue.organisation_id,
        actor=user,
        action="event.created",
        subject=made,
        changes={"name": [None, made.name]},
        now=now,
    )
    return made


@occ_retry(repeatable=True)
def change_event(*, event_id: UUID, user: Any, fields: Mapping[str, Any], now: datetime) -> Event:
    """Change some fields of RULES. A new limit or fee counts from the next hold or sale on.

    Fans who have tickets are told of another time. Times by which a draw went stay as they are
    (sales.organising.promises). Raises EventNotFound, RoleTooLow, BadEvent.
    """
    event = managed_event(event_id=event_id, user=user)
    was = copy(event)
    for name, value in _known(fields).items():
        setattr(event, name, value)
    differing = changed(values_of(was), values_of(event))
    if not differing:
        return event
    _validate(event)
    if broken := broken_promises(was, event, now=now):
        raise BadEvent(broken)
    event.save(update_fields=list(differing))
    renew_seeds(was, event, now=now)
    record(
        organisation_id=event.organisation_id,
        actor=user,
        action="event.changed",
        subject=event,
        changes=differing,
        now=now,
    )
    if "starts_at" in differing and event.state != EventState.DRAFT:
        told = {"starts_at": differing["starts_at"]}
        write(event_changed(event, EventKind.EVENT_CHANGED, told, now=now))
    return event


def free_slug(organisation_id: UUID, name: str) -> str:
    """Return an address for an event of this name which the organisation does not use yet."""
    base = slugify(name)[:70] or "event"
    taken = set(
        Event.objects.filter(organisation=organisation_id, slug__startswith=base).values_list(
            "slug", flat=True
        )
    )
    numbered = (f"{base}-{number}" for number in range(2, len(taken) + 3))
    return base if base not in taken else next(each for each in numbered if each not in taken)


def _known(fields: Mapping[str, Any]) -> dict[str, Any]:
    if strange := sorted(set(fields) - set(RULES)):
        raise BadEvent({name: ["This cannot be changed."] for name in strange})
    return dict(fields)


def _validate(event: Event) -> None:
    try:
        event.full_clean()
    except ValidationError as error:
        raise BadEvent(error.message_dict) from None
