"""What organisers do with a waiting room: switch it on and off, set its rate, pause it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError

from accounts.audit import changed, record
from sales.models import Event, WaitingRoom
from sales.waiting_room.desk import Desk
from sales.waiting_room.desk import desk as own_desk
from sales.waiting_room.reading import RoomNotFound
from sales.waiting_room.standing import QueueState
from worldseat.dsql.occ import occ_retry

__all__ = ["RoomRules", "RoomStatus", "find_room", "room_status", "set_room"]


@dataclass(frozen=True)
class RoomRules:
    """What an organiser decides about a waiting room."""

    is_on: bool
    opens_at: datetime
    rate_per_minute: int
    pass_seconds: int = 600
    is_paused: bool = False
    policy: str = ""


@dataclass(frozen=True)
class RoomStatus:
    """How a waiting room stands, for its organiser. Counts are of fans.

    `waiting` have not been let in yet, `admitted` have come for their pass, `abandoned` have
    not come when it was their turn. `seconds_for_last`: how long the last one waits; None
    while nobody is let in, for the reason `state`.
    """

    state: QueueState
    joined: int
    waiting: int
    admitted: int
    abandoned: int
    rate_per_minute: int
    seconds_for_last: int | None
    opens_at: datetime
    on_sale_at: datetime


def set_room(*, event_id: UUID, rules: RoomRules, now: datetime, actor: Any = None) -> WaitingRoom:
    """Make or change an event's waiting room, and return it; the audit log says who did.

    A new rate holds from `now` on; whoever has a place keeps it, whatever is changed. Raises
    ValidationError for a rate or a time that lets nobody in, and Event.DoesNotExist.
    """
    with suppress(RoomNotFound):
        own_desk.forget(event_id)
        let_in = own_desk.standing(event_id=event_id, now=now).let_in(now)
        room = _set(event_id=event_id, rules=rules, let_in=let_in, actor=actor, now=now)
        own_desk.forget(event_id)
        return room
    return _set(event_id=event_id, rules=rules, let_in=0, actor=actor, now=now)


@occ_retry(repeatable=True)
def _set(
    *, event_id: UUID, rules: RoomRules, let_in: int, actor: Any, now: datetime
) -> WaitingRoom:
    event = Event.objects.get(pk=event_id)
    room = WaitingRoom.objects.filter(event=event).first() or WaitingRoom(event=event)
    before = _rules_of(room, event)
    if room.rate_per_minute and (
        (room.rate_per_minute, room.is_paused) != (rules.rate_per_minute, rules.is_paused)
    ):
        room.released, room.released_at = let_in, now
    room.opens_at = rules.opens_at
    room.rate_per_minute = rules.rate_per_minute
    room.pass_seconds = rules.pass_seconds
    room.is_paused = rules.is_paused
    room.policy = rules.policy
    room.full_clean(exclude=["event"])
    if rules.is_on and rules.opens_at >= event.off_sale_at:
        raise ValidationError({"opens_at": "It has to open before the sale ends."})
    room.save()
    if event.has_waiting_room != rules.is_on:
        event.has_waiting_room = rules.is_on
        event.save(update_fields=["has_waiting_room"])
    record(
        organisation_id=event.organisation_id,
        actor=actor,
        action="waiting_room.set",
        subject=event,
        changes=changed(before, asdict(rules)),
        now=now,
    )
    return room


def _rules_of(room: WaitingRoom, event: Event) -> dict[str, Any]:
    """Return the rules as they are; nothing for a room that is new. Never the seed."""
    if room._state.adding:
        return {}
    names = [field.name for field in fields(RoomRules) if field.name != "is_on"]
    return {"is_on": event.has_waiting_room, **{name: getattr(room, name) for name in names}}


@occ_retry(repeatable=True)
def find_room(*, event_id: UUID) -> WaitingRoom:
    """Return an event's waiting room, on or off, with its event; raises RoomNotFound."""
    room = WaitingRoom.objects.select_related("event").filter(event_id=event_id).first()
    if room is None:
        raise RoomNotFound(f"The event {event_id} has no waiting room.")
    return room


def room_status(*, event_id: UUID, now: datetime, desk: Desk = own_desk) -> RoomStatus | None:
    """Return how an event's waiting room stands, as of a second ago; None if it has none."""
    try:
        standing = desk.standing(event_id=event_id, now=now)
    except RoomNotFound:
        return None
    let_in, closed = standing.let_in(now), standing.why_closed(now)
    waiting = max(standing.joined - let_in, 0)
    return RoomStatus(
        state=closed or QueueState.WAITING,
        joined=standing.joined,
        waiting=waiting,
        admitted=standing.admitted,
        abandoned=round(standing.abandoned(now)),
        rate_per_minute=standing.rate_per_minute,
        seconds_for_last=None if closed else standing.seconds_until(max(waiting - 1, 0), now),
        opens_at=standing.opens_at,
        on_sale_at=standing.on_sale_at,
    )
