"""What a buyer does when her time comes: she buys, or first waits for her turn.

The room is the product's own. All join after the sale has started, so they are let in in the order
of joining.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from sales.models import Outcome
from sales.stampede.buyers import Told, Wish, describe
from sales.stampede.buying import Buying
from sales.stampede.contenders import Queueing
from sales.stampede.recorder import Tried
from sales.waiting_room.standing import QueueState

__all__ = ["Coming", "act"]

_MOST_FAILURES = 5
_AGAIN_SECONDS = 1.0


@dataclass(frozen=True, order=True)
class Coming:
    """When a buyer acts next, in seconds from the start; `ticket` is her place, if she waits."""

    after: float
    number: int
    wish: Wish = field(compare=False)
    ticket: str = field(default="", compare=False)
    failures: int = field(default=0, compare=False)


def act(buying: Buying, coming: Coming, start: datetime) -> Tried | Coming:
    """Have a buyer buy, or first wait for her turn; return what she was told, or when she acts."""
    shop = buying.shop
    if not buying.run.options.waiting_room or not isinstance(shop, Queueing):
        return buying.try_for(coming.wish)
    asked_at = buying.clock.now()
    try:
        place = shop.stand(coming.wish, coming.ticket, asked_at)
    except Exception as error:
        if coming.failures < _MOST_FAILURES:
            again = (buying.clock.now() - start).total_seconds() + _AGAIN_SECONDS
            return replace(coming, after=again, failures=coming.failures + 1)
        return _sent_away(buying, coming.wish, Outcome.ERROR, describe(error), asked_at)
    if place.pass_text or place.state == QueueState.OFF:
        return buying.try_for(replace(coming.wish, queue_pass=place.pass_text))
    if place.state in _OVER:
        return _sent_away(buying, coming.wish, Outcome.REJECTED, _OVER[place.state], asked_at)
    after = (buying.clock.now() - start).total_seconds() + place.retry_after
    return replace(coming, after=after, ticket=place.ticket, failures=0)


_OVER: dict[str, str] = {
    QueueState.SOLD_OUT: "Sold out, the waiting room says.",
    QueueState.ENDED: "The sale has ended.",
    QueueState.PASS_ENDED: "Her pass had ended.",
}


def _sent_away(
    buying: Buying, wish: Wish, outcome: Outcome, detail: str, asked_at: datetime
) -> Tried:
    return Tried(
        attempt_id=wish.attempt_id,
        told=Told(outcome=outcome, detail=detail),
        attempts=0,
        conflicts=0,
        started_at=asked_at,
        finished_at=buying.clock.now(),
        seat_id=wish.seat_id,
        choices=0,
    )
