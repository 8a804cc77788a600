"""The life of an event: draft, published, paused, closed; who may move it where, and what then.

    draft --publish--> published --pause--> paused --resume--> published
    published, paused --close--> closed            published --withdraw--> draft, unless sold
    published, paused, closed --cancel--> cancelled, for good

Published is not yet on sale: the event's on-sale window says when it sells (sales.events). A
hold is a promise and can be paid while the sale is paused; after the close nothing is sold. Who
holds tickets of an event that is cancelled is told by mail; `event_refunds` gives the money back.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.audit import record
from sales.models import Event, EventKind, EventState
from sales.organising.rights import managed_event
from sales.outbox import event_changed, write
from worldseat.dsql.occ import occ_retry

__all__ = ["MOVES", "NotReady", "WrongState", "move_event", "moves_from"]

# Name of the move -> from which states, to which, what the audit log calls it.
MOVES: Mapping[str, tuple[frozenset[str], EventState, str]] = {
    "publish": (frozenset({EventState.DRAFT}), EventState.PUBLISHED, "event.published"),
    "pause": (frozenset({EventState.PUBLISHED}), EventState.PAUSED, "event.paused"),
    "resume": (frozenset({EventState.PAUSED}), EventState.PUBLISHED, "event.resumed"),
    "close": (
        frozenset({EventState.PUBLISHED, EventState.PAUSED}),
        EventState.CLOSED,
        "event.closed",
    ),
    "cancel": (
        frozenset({EventState.PUBLISHED, EventState.PAUSED, EventState.CLOSED}),
        EventState.CANCELLED,
        "event.cancelled",
    ),
    "withdraw": (
        frozenset({EventState.PUBLISHED, EventState.PAUSED}),
        EventState.DRAFT,
        "event.withdrawn",
    ),
}

_TOLD = {
    EventState.PUBLISHED: EventKind.EVENT_PUBLISHED,
    EventState.PAUSED: EventKind.EVENT_PAUSED,
    EventState.CLOSED: EventKind.EVENT_CLOSED,
    EventState.CANCELLED: EventKind.EVENT_CHANGED,
}


class WrongState(Exception):
    """The event cannot be moved so from the state it is in."""

    def __init__(self, event: Event, move: str) -> None:
        allowed = ", ".join(moves_from(event)) or "nothing"
        super().__init__(
            f"The event is {event.get_state_display().lower()}: it cannot {move}. "
            f"What can be done: {allowed}. Nothing was changed."
        )
        self.state = str(event.state)
        self.move = move


class NotReady(Exception):
    """Something of the event is missing or in the way. Nothing was changed."""


def moves_from(event: Event) -> list[str]:
    """Return the moves that an event's state allows."""
    return [name for name, (states, _, _) in MOVES.items() if event.state in states]


@occ_retry(repeatable=True)
def move_event(*, event_id: UUID, user: Any, move: str, now: datetime) -> Event:
    """Publish, pause, resume, close, cancel or withdraw an event; one that is there stays so.

    Pausing writes the event's row only: who has read it as on sale in a transaction that is
    under way may still sell, and everyone after it not.

    Raises EventNotFound, RoleTooLow, WrongState, and NotReady where it has no seats to publish,
    or was sold and cannot be hidden any more.
    """
    event = managed_event(event_id=event_id, user=user)
    states, target, action = MOVES[move]
    if event.state == target:
        return event  # asked twice
    if event.state not in states:
        raise WrongState(event, move)
    _check(event, target, now)
    before, event.state = str(event.state), target
    event.save(update_fields=["state"])
    changes = {"state": [before, str(target)]}
    record(
        organisation_id=event.organisation_id,
        actor=user,
        action=action,
        subject=event,
        changes=changes,
        now=now,
    )
    if target in _TOLD:
        cancelled = {"cancelled": [False, True]} if target == EventState.CANCELLED else {}
        write(event_changed(event, _TOLD[target], {**changes, **cancelled}, now=now))
    return event


def _check(event: Event, target: EventState, now: datetime) -> None:
    if target == EventState.PUBLISHED:
        if event.plan_id is None:
            raise NotReady("The event has no seats yet: choose a seating plan first.")
        if event.off_sale_at <= now:
            raise NotReady("The sale would have ended already: move its end into the future.")
    if target == EventState.DRAFT and event.orders.exists():
        raise NotReady("Seats have been sold: close the event rather than hide it.")
