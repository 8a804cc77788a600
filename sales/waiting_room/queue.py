"""What fans do in a waiting room: join it, and look how they stand until it is their turn."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sales.models import QueuePlace
from sales.waiting_room.desk import Desk
from sales.waiting_room.desk import desk as own_desk
from sales.waiting_room.draw import place_id
from sales.waiting_room.roll import MOST_TURNS, admit, find_place, join_anew, new_place
from sales.waiting_room.standing import QueueState, Standing
from sales.waiting_room.tokens import Pass, QueueTicket, read_ticket, sign_pass, sign_ticket

__all__ = ["QueueClosed", "QueueView", "join", "look"]

# As many polls a second as a region is to bear, and the seconds between two of one fan.
POLLS_A_SECOND = 2000
SHORTEST_WAIT, LONGEST_WAIT = 3.0, 60.0
_WRITTEN_WITHIN = timedelta(seconds=5)


class QueueClosed(Exception):
    """The waiting room cannot be joined at this time."""

    def __init__(self, reason: str, opens_at: datetime | None = None) -> None:
        super().__init__(reason)
        self.opens_at = opens_at


@dataclass(frozen=True)
class QueueView:
    """How a fan stands. `ahead` and `seconds` are None where nobody can say yet.

    `ticket` is the text to look with next time. `few` tells that more fans are ahead of her
    than there are seats left. `retry_after`: seconds until it is worth to look again.
    """

    ticket: str
    place_id: UUID
    state: QueueState
    standing: Standing
    joined: int
    ahead: int | None
    seconds: int | None
    few: bool
    pass_text: str
    pass_expires_at: datetime | None
    draw: float | None
    retry_after: int


def join(*, event_id: UUID, fan_id: UUID, now: datetime, desk: Desk = own_desk) -> QueueView:
    """Give a fan a place, and return how she stands; who has one already keeps it.

    Before the sale this asks the database nothing. Raises RoomNotFound and QueueClosed.
    """
    standing = desk.standing(event_id=event_id, now=now)
    _check_open(standing, now)
    ticket = QueueTicket(event_id, fan_id, now)
    if now >= standing.on_sale_at and (written := find_place(event_id=event_id, fan_id=fan_id)):
        if _pass_has_ended(written, standing, now):
            written = _join_anew(written, standing, now, desk)
        ticket = _ticket_of(written, event_id)
    else:
        desk.roll.add(new_place(standing, ticket, desk.region))
        desk.roll.write(now)
    return _view(ticket, standing, now, desk)


def look(*, event_id: UUID, ticket: str, now: datetime, desk: Desk = own_desk) -> QueueView:
    """Return how the fan with a ticket stands; with her pass, when it is her turn.

    Asks the database only when it is. Raises BadTicket and RoomNotFound.
    """
    read = read_ticket(ticket, event_id=event_id)
    return _view(read, desk.standing(event_id=event_id, now=now), now, desk)


def _join_anew(ended: QueuePlace, standing: Standing, now: datetime, desk: Desk) -> QueuePlace:
    if ended.turn + 1 >= MOST_TURNS:
        raise QueueClosed(f"You have had {MOST_TURNS} passes of this event. That was the last one.")
    ticket = QueueTicket(standing.event_id, ended.fan_id, now, ended.turn + 1)
    return join_anew(place=new_place(standing, ticket, desk.region))


def _check_open(standing: Standing, now: datetime) -> None:
    if not standing.is_on or not standing.is_public:
        raise QueueClosed("The event has no waiting room now: buy without one.")
    if standing.has_ended(now):
        raise QueueClosed("The sale has ended.")
    if now < standing.opens_at:
        raise QueueClosed("The waiting room is not open yet.", standing.opens_at)


def _view(ticket: QueueTicket, standing: Standing, now: datetime, desk: Desk) -> QueueView:
    closed, place = standing.why_closed(now), standing.place_of(ticket)
    if not standing.reaches(place) and now - ticket.joined_at > _WRITTEN_WITHIN:
        # Her place was lost with a process before it was written, and nobody comes after her.
        desk.roll.add(new_place(standing, ticket, desk.region))
    state, admitted = closed or QueueState.WAITING, None
    if not closed and standing.is_let_in(place, now):
        admitted = admit(place=new_place(standing, ticket, desk.region), now=now)
        ended = _pass_has_ended(admitted, standing, now)
        state = QueueState.PASS_ENDED if ended else QueueState.ADMITTED
    known = closed in {None, QueueState.ALL_TAKEN, QueueState.SOLD_OUT, QueueState.PAUSED}
    started = now >= standing.on_sale_at
    ahead = standing.ahead(place, now) if known and started and not admitted else None
    seconds = standing.seconds_until(ahead, now) if ahead is not None and not closed else None
    given = _pass_of(admitted, standing) if state == QueueState.ADMITTED and admitted else None
    return QueueView(
        ticket=sign_ticket(ticket),
        place_id=place_id(event_id=ticket.event_id, fan_id=ticket.fan_id),
        state=state,
        standing=standing,
        joined=max(standing.joined, 1),
        ahead=ahead,
        seconds=seconds,
        few=ahead is not None and ahead >= standing.available + standing.held,
        pass_text=sign_pass(given) if given else "",
        pass_expires_at=given.expires_at if given else None,
        draw=place if started and place < 1 else None,
        retry_after=_retry_after(state, standing, seconds, now),
    )


def _ticket_of(place: QueuePlace, event_id: UUID) -> QueueTicket:
    return QueueTicket(event_id, place.fan_id, place.joined_at, place.turn)


def _pass_of(place: QueuePlace, standing: Standing) -> Pass:
    assert place.admitted_at  # noqa: S101 - who was let in was so at some time
    until = place.admitted_at + timedelta(seconds=standing.pass_seconds)
    return Pass(standing.event_id, place.fan_id, until)


def _pass_has_ended(place: QueuePlace, standing: Standing, now: datetime) -> bool:
    return place.admitted_at is not None and _pass_of(place, standing).expires_at <= now


def _retry_after(state: QueueState, standing: Standing, seconds: int | None, now: datetime) -> int:
    """Return when to look again: soon for who is near, and all together not too often."""
    spread = standing.joined / POLLS_A_SECOND
    wait = min(max(spread, SHORTEST_WAIT), LONGEST_WAIT)
    until_sale = (standing.on_sale_at - now).total_seconds()
    if until_sale > 0:
        # All look once more after the start, not all in one second.
        latest = min(max(spread, SHORTEST_WAIT), LONGEST_WAIT / 2)
        soon = until_sale + random.uniform(0, latest)  # noqa: S311 # no secret
        return round(min(soon, LONGEST_WAIT))
    if state in {QueueState.SOLD_OUT, QueueState.ENDED, QueueState.OFF}:
        wait = LONGEST_WAIT
    elif seconds is not None:
        wait = max(SHORTEST_WAIT, min(wait, seconds / 3))
    return round(min(wait * random.uniform(0.8, 1.2), LONGEST_WAIT))  # noqa: S311 # no secret
