"""A shop with a waiting room before it: the product's, asked in this process or over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from sales.stampede.buyers import Wish
from sales.waiting_room.queue import join, look

__all__ = ["InRoom", "Queueing", "stand_in_room"]


@dataclass(frozen=True)
class InRoom:
    """How a buyer stands in the waiting room; `retry_after` is when to look again, in seconds."""

    ticket: str
    state: str
    pass_text: str
    retry_after: float


@runtime_checkable
class Queueing(Protocol):
    """What a shop has besides, if buyers can wait before it."""

    def stand(self, wish: Wish, ticket: str, now: datetime) -> InRoom:
        """Join without a ticket, look with one; raises what fails."""


def stand_in_room(wish: Wish, ticket: str, now: datetime) -> InRoom:
    """Join or look here, in this process."""
    if ticket:
        view = look(event_id=wish.event_id, ticket=ticket, now=now)
    else:
        view = join(event_id=wish.event_id, fan_id=wish.fan_id, now=now)
    return InRoom(view.ticket, view.state, view.pass_text, view.retry_after)
