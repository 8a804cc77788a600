"""The waiting room of a stampede: opened for it, and what the report says of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from sales.models import QueuePlace, Stampede, WaitingRoom
from sales.stampede.options import options_of
from sales.waiting_room.rooms import RoomRules, set_room
from sales.waiting_room.standing import GRACE

__all__ = ["FAIR_WITHIN", "begin_letting_in", "open_room", "places_at", "report_room"]

# A place is written within a second, and the standing that it shows in is a second old in each
# region: at the start somebody may be let in so long before her turn, and no more.
FAIR_WITHIN = timedelta(seconds=5)
_PASS_SECONDS = 600


def open_room(*, event_id: UUID, rate_per_minute: int, now: datetime) -> None:
    """Switch an event's waiting room on, with so many let in a minute."""
    rules = RoomRules(
        is_on=True, opens_at=now, rate_per_minute=rate_per_minute, pass_seconds=_PASS_SECONDS
    )
    set_room(event_id=event_id, rules=rules, now=now)


def begin_letting_in(stampede: Stampede, *, now: datetime) -> None:
    """Have the rate count from the start of the buyers, in the caller's transaction.

    Else ten seconds' worth of them would be let in at once, for the time in which nobody came.
    """
    for room in WaitingRoom.objects.filter(event_id=stampede.event_id):
        room.released, room.released_at = room.places.count(), now
        room.save(update_fields=["released", "released_at"])


def places_at(event_id: UUID) -> QuerySet[QueuePlace]:
    """Return the places that fans have at an event already: nobody joins as new twice."""
    return QueuePlace.objects.filter(room__event=event_id)


def report_room(stampede: Stampede, fans: Iterable[UUID]) -> dict[str, Any] | None:
    """Return how the waiting room did, None where there was none. Times are milliseconds.

    `waited`: from joining to coming for the pass. `early_ms`: how long before her turn, by the
    order of joining and the rate, anybody had her pass, at most. `overtaken_ms`: for how long
    somebody who joined later had hers already, at most; as long as one waits from look to look.
    """
    if not (rate := options_of(stampede).waiting_room):
        return None
    places = QueuePlace.objects.filter(room__event=stampede.event_id, fan_id__in=list(fans))
    rows = list(places.order_by("joined_at", "pk").values_list("joined_at", "admitted_at"))
    waited = sorted(_ms(came - joined) for joined, came in rows if came)
    came = [each for _, each in rows]
    early = _most_early(came, rate, stampede.starts_at)
    return {
        "rate_per_minute": rate,
        "joined": len(rows),
        "let_in": len(waited),
        "waited_p50_ms": waited[(len(waited) - 1) // 2] if waited else None,
        "waited_max_ms": waited[-1] if waited else None,
        "early_ms": early,
        "overtaken_ms": _most_overtaken(came),
        "fair": early <= _ms(FAIR_WITHIN),
    }


def _most_early(came: Sequence[datetime | None], rate: int, starts_at: datetime | None) -> float:
    """Return how long before her turn anybody came, at most; `came` is in the order of joining.

    Who does not come within GRACE of her turn is taken for gone, and those behind her move up.
    """
    if starts_at is None:
        return 0.0
    step, most = timedelta(minutes=1) / rate, timedelta(0)
    turns = [starts_at + step * rank for rank in range(1, len(came) + 1)]
    gone_at = [
        turn + GRACE
        for turn, each in zip(turns, came, strict=True)
        if each is None or each > turn + GRACE
    ]
    for rank, each in enumerate(came, start=1):
        if each is not None:
            gone = sum(at <= each for at in gone_at)
            most = max(most, starts_at + step * (rank - gone) - each)
    return _ms(most)


def _most_overtaken(came: Sequence[datetime | None]) -> float:
    first_behind: datetime | None = None
    most = timedelta(0)
    for each in reversed(came):
        if each is None:
            continue
        if first_behind is not None:
            most = max(most, each - first_behind)
        first_behind = each if first_behind is None else min(first_behind, each)
    return _ms(most)


def _ms(span: timedelta) -> float:
    return round(span.total_seconds() * 1000, 1)
