"""An event's waiting room and waitlist for its organisers: rules, how they stand, their draws.

A draw can be checked by anybody: the hash of its seed (the commitment) is shown from the
beginning, the seed itself once nothing can be gained by it any more: a waiting room's when the
sale has started, a waitlist's when it has ended. Who is told the seed early knows who is first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from accounts.models import Role
from sales.back_office.exports import Cell, Columns, utc
from sales.models import (
    Event,
    QueuePlace,
    WaitingRoom,
    Waitlist,
    WaitlistEntry,
    WaitlistOrder,
)
from sales.organising.rights import managed_event
from sales.waiting_room.reading import RoomNotFound
from sales.waiting_room.rooms import RoomRules, RoomStatus, find_room, room_status, set_room
from sales.waitlist import (
    WaitlistCounts,
    WaitlistRules,
    find_waitlist,
    set_waitlist,
    waitlist_counts,
)
from worldseat.dsql.occ import occ_retry
from worldseat.keyset import Keyset, Page

__all__ = [
    "DRAW",
    "BadRules",
    "Draw",
    "DrawSecret",
    "RoomFile",
    "WaitlistFile",
    "change_room",
    "change_waitlist",
    "draw_rows",
    "room_file",
    "waitlist_entries",
    "waitlist_file",
]

_A_BATCH = 1000

DRAW: Columns = ("place", "id", "draw", "joined_at", "let_in_at")


class BadRules(ValueError):
    """Some of the rules cannot be so. Nothing was changed."""

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        self.errors = dict(errors)
        super().__init__(" ".join(message for each in errors.values() for message in each))


class DrawSecret(Exception):
    """The draw is secret until the sale has started."""


@dataclass(frozen=True)
class Draw:
    """What a draw is checked by. `seed` is empty as long as it is secret; `shown_from`, UTC."""

    commitment: str
    seed: str
    shown_from: datetime


@dataclass(frozen=True)
class RoomFile:
    """A waiting room's rules and how it stands; both but the rules are None where there is none."""

    event: Event
    rules: RoomRules
    status: RoomStatus | None
    draw: Draw | None


@dataclass(frozen=True)
class WaitlistFile:
    """A waitlist's rules and counts; it has a `draw` only where it goes by lot.

    `exists`: it was switched on once; else the rules are those that it would begin with.
    """

    event: Event
    exists: bool
    rules: WaitlistRules
    counts: WaitlistCounts
    draw: Draw | None


def _draw(commitment: str, seed: str, shown_from: datetime, now: datetime) -> Draw:
    return Draw(commitment, seed if now >= shown_from else "", shown_from)


# --- The waiting room ----------------------------------------------------------------------


def room_file(*, event_id: UUID, user: Any, now: datetime) -> RoomFile:
    """Return an event's waiting room as its organisers see it; raises EventNotFound."""
    event = managed_event(event_id=event_id, user=user, role=Role.VIEWER)
    return _room_file(event, _room_of(event), now)


def _room_of(event: Event) -> WaitingRoom | None:
    try:
        return find_room(event_id=event.pk)
    except RoomNotFound:
        return None


def _room_file(event: Event, room: WaitingRoom | None, now: datetime) -> RoomFile:
    rules = _room_rules(event, room, now)
    if room is None:
        return RoomFile(event, rules, None, None)
    draw = _draw(room.commitment, room.seed, event.on_sale_at, now)
    return RoomFile(event, rules, room_status(event_id=event.pk, now=now), draw)


def _room_rules(event: Event, room: WaitingRoom | None, now: datetime) -> RoomRules:
    """Return a room's rules; those that it would begin with where there is none."""
    if room is None:
        return RoomRules(False, opens_at=now, rate_per_minute=100)
    return RoomRules(
        is_on=event.has_waiting_room,
        opens_at=room.opens_at,
        rate_per_minute=room.rate_per_minute,
        pass_seconds=room.pass_seconds,
        is_paused=room.is_paused,
        policy=room.policy,
    )


def change_room(*, event_id: UUID, user: Any, fields: Mapping[str, Any], now: datetime) -> RoomFile:
    """Change some of RoomRules; a room that there is not yet is made, with defaults for the rest.

    Raises EventNotFound, RoleTooLow and BadRules.
    """
    event = managed_event(event_id=event_id, user=user)
    rules = replace(_room_rules(event, _room_of(event), now), **fields)
    try:
        room = set_room(event_id=event_id, rules=rules, actor=user, now=now)
    except ValidationError as error:
        raise BadRules(_messages(error)) from None
    event.has_waiting_room = rules.is_on
    return _room_file(event, room, now)


def _messages(error: ValidationError) -> dict[str, list[str]]:
    if hasattr(error, "error_dict"):
        return {("" if k == "__all__" else k): v for k, v in error.message_dict.items()}
    return {"": error.messages}


def draw_rows(*, event_id: UUID, user: Any, now: datetime) -> Iterator[Sequence[Cell]]:
    """Return the rows of DRAW: everybody who joined before the sale, in the order of the draw.

    An id says nothing about who it is; a fan finds hers on her page. Raises EventNotFound,
    RoomNotFound, and DrawSecret before the sale.
    """
    event = managed_event(event_id=event_id, user=user, role=Role.VIEWER)
    room = find_room(event_id=event.pk)
    if now < event.on_sale_at:
        raise DrawSecret(DrawSecret.__doc__)
    drawn = QueuePlace.objects.filter(room=room, turn=0, joined_at__lt=event.on_sale_at)
    return _drawn_rows(drawn)


def _drawn_rows(drawn: QuerySet[QueuePlace]) -> Iterator[Sequence[Cell]]:
    number, after = 0, ""
    while True:
        page = _drawn(drawn, after)
        for place in page.rows:
            number += 1
            yield (
                number,
                str(place.pk),
                repr(place.draw),
                utc(place.joined_at),
                utc(place.admitted_at),
            )
        after = page.following
        if not after:
            return


@occ_retry(repeatable=True)
def _drawn(drawn: QuerySet[QueuePlace], after: str) -> Page[QueuePlace]:
    return Keyset(drawn.order_by("draw", "pk")).page(after, _A_BATCH)


# --- The waitlist --------------------------------------------------------------------------


def waitlist_file(*, event_id: UUID, user: Any, now: datetime) -> WaitlistFile:
    """Return an event's waitlist as its organisers see it; raises EventNotFound."""
    event = managed_event(event_id=event_id, user=user, role=Role.VIEWER)
    return _waitlist_file(event, find_waitlist(event_id=event.pk), now)


def _waitlist_file(event: Event, found: Waitlist | None, now: datetime) -> WaitlistFile:
    counts = waitlist_counts(event_id=event.pk, now=now)
    rules = _waitlist_rules(event, found)
    if found is None:
        return WaitlistFile(event, False, rules, counts, None)
    by_lot = found.order == WaitlistOrder.LOTTERY
    draw = _draw(found.commitment, found.seed, event.off_sale_at, now) if by_lot else None
    return WaitlistFile(event, True, rules, counts, draw)


def _waitlist_rules(event: Event, found: Waitlist | None) -> WaitlistRules:
    """Return a waitlist's rules; those that it would begin with where there is none."""
    if found is None:
        return WaitlistRules(False)
    return WaitlistRules(event.has_waitlist, found.order, found.window_seconds)


def change_waitlist(
    *, event_id: UUID, user: Any, fields: Mapping[str, Any], now: datetime
) -> WaitlistFile:
    """Change some of WaitlistRules; offers that were made stay as they are.

    Raises EventNotFound, RoleTooLow and BadRules.
    """
    event = managed_event(event_id=event_id, user=user)
    rules = replace(_waitlist_rules(event, find_waitlist(event_id=event.pk)), **fields)
    try:
        changed = set_waitlist(event_id=event_id, rules=rules, actor=user, now=now)
    except ValidationError as error:
        raise BadRules(_messages(error)) from None
    event.has_waitlist = rules.is_on
    return _waitlist_file(event, changed, now)


def waitlist_entries(*, event_id: UUID, user: Any) -> QuerySet[WaitlistEntry]:
    """Return all entries of an event's waitlist, for the box office and above: they name fans.

    Raises EventNotFound and RoleTooLow.
    """
    event = managed_event(event_id=event_id, user=user, role=Role.BOX_OFFICE)
    return WaitlistEntry.objects.filter(event=event).select_related("fan", "hold")
