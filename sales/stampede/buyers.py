"""What one buyer does, and what she is told.

A `Buyer` is any callable from a wish and the present time to what she was told, so that other
ways to buy (over HTTP, against another store) can run in the same stampede.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sales.events import NotOnSale
from sales.idempotency import Answer, Keyed, RequestKey, fingerprint
from sales.limits import LimitReached
from sales.models import Order, Outcome
from sales.purchases import purchase
from sales.seats import SeatTaken, UnknownSeat
from worldseat.dsql.occ import OutcomeUnknown

__all__ = ["Buyer", "Told", "Wish", "buy"]

logger = logging.getLogger(__name__)

_DETAIL_LENGTH = 300
_CREATED = 201


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Who wants which seat; `attempt_id` tells this try from every other."""

    attempt_id: UUID
    event_id: UUID
    seat_id: UUID
    fan_id: UUID
    region: str


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a buyer was told: an Outcome, the order if it is a yes, why if it is not."""

    outcome: Outcome
    order_id: UUID | None = None
    detail: str = ""


Buyer = Callable[[Wish, datetime], Told]


def buy(wish: Wish, now: datetime) -> Told:
    """Buy through the product's own purchase, as the API does; never raises.

    The attempt is the idempotency key, so a COMMIT that got no answer is looked up and not
    repeated blindly. UNKNOWN is left only where no later look succeeded either.
    """
    try:
        return Told(outcome=Outcome.CONFIRMED, order_id=_purchase(wish, now))
    except SeatTaken:
        return Told(outcome=Outcome.REJECTED)
    except (NotOnSale, LimitReached, UnknownSeat) as refusal:
        reason = str(refusal) or refusal.__doc__ or ""
        return Told(outcome=Outcome.REJECTED, detail=reason[:_DETAIL_LENGTH])
    except OutcomeUnknown as error:
        return Told(outcome=Outcome.UNKNOWN, detail=_describe(error))
    except Exception as error:
        # A buyer who fails is a result of the stampede, not its end.
        logger.warning("Attempt %s failed: %s", wish.attempt_id, _describe(error))
        return Told(outcome=Outcome.ERROR, detail=_describe(error))


def _purchase(wish: Wish, now: datetime) -> UUID:
    request = RequestKey(
        fan_id=wish.fan_id,
        key=f"stampede-{wish.attempt_id}",
        fingerprint=fingerprint(method="STAMPEDE", path=str(wish.event_id), body=wish.seat_id),
    )
    bought = purchase(
        event_id=wish.event_id,
        seat_id=wish.seat_id,
        fan_id=wish.fan_id,
        region=wish.region,
        now=now,
        keyed=Keyed(request, _render),
    )
    return UUID(bought.body["order"]) if isinstance(bought, Answer) else bought.pk


def _render(order: Order) -> Answer:
    return Answer(status=_CREATED, body={"order": str(order.pk)})


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:_DETAIL_LENGTH]
