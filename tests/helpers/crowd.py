"""A waiting room for tests, and fans in it; the clock is the tests' own."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sales.models import Event
from sales.waiting_room.desk import Desk
from sales.waiting_room.queue import QueueView, join, look
from sales.waiting_room.rooms import RoomRules, set_room
from sales.waiting_room.standing import QueueState

__all__ = ["Crowd", "open_room"]


def open_room(event: Event, start: datetime, **rules: object) -> None:
    """Let the event's sale start then, and switch its waiting room on an hour before."""
    event.on_sale_at = start
    event.save(update_fields=["on_sale_at"])
    given = {"is_on": True, "opens_at": start - timedelta(hours=1), "rate_per_minute": 60}
    set_room(event_id=event.pk, rules=RoomRules(**{**given, **rules}), now=start)  # type: ignore[arg-type] # fields


class Crowd:
    """Fans of one event, who keep their tickets."""

    def __init__(self, event: Event, desk: Desk | None = None) -> None:
        self.event_id = event.pk
        self.desk = desk or Desk("us-east-1")
        self.tickets: dict[UUID, str] = {}
        self.admitted: dict[UUID, datetime] = {}

    def join(self, at: datetime, fan_id: UUID | None = None) -> UUID:
        """Let a fan join, a new one unless named."""
        fan_id = fan_id or uuid4()
        view = join(event_id=self.event_id, fan_id=fan_id, now=at, desk=self.desk)
        self.tickets[fan_id] = view.ticket
        return fan_id

    def look(self, fan_id: UUID, at: datetime) -> QueueView:
        """Let a fan look how she stands."""
        ticket = self.tickets[fan_id]
        view = look(event_id=self.event_id, ticket=ticket, now=at, desk=self.desk)
        if view.state == QueueState.ADMITTED:
            self.admitted.setdefault(fan_id, at)
        return view

    def wait(self, fans: Iterable[UUID], start: datetime, seconds: int, step: int = 1) -> None:
        """Let all who are not let in yet look every `step` seconds."""
        for second in range(0, seconds, step):
            for fan_id in [each for each in fans if each not in self.admitted]:
                self.look(fan_id, start + timedelta(seconds=second))

    def admitted_by(self, at: datetime) -> int:
        """Count who was let in until then."""
        return sum(each <= at for each in self.admitted.values())
