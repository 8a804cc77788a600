"""What one buyer does, and what she is told.

A `Buyer` is any callable from a wish and the present time to what she was told. `buyer_of` makes
one of any function that sells as `sales.purchases.purchase` does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError

from sales.events import NotOnSale
from sales.idempotency import Answer, Keyed, RequestKey, fingerprint
from sales.limits import LimitReached
from sales.models import Order, Outcome
from sales.purchases import purchase
from sales.seats import SeatTaken, UnknownSeat
from worldseat.dsql.occ import OutcomeUnknown

__all__ = ["STOPPED_BY_INDEX", "Buyer", "Sell", "Told", "Wish", "buy", "buyer_of", "describe"]

logger = logging.getLogger(__name__)

# Begins the detail of an attempt that the unique index stopped, and not the isolation.
STOPPED_BY_INDEX = "stopped by the index one_valid_ticket_a_seat"

_DETAIL_LENGTH = 300
_CREATED = 201
_INDEX = "one_valid_ticket_a_seat"


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Who wants which seat; `attempt_id` tells this try from every other.

    `choice` counts the seats that she has tried before; `after` are seconds from the start;
    `queue_pass` is what she has got in the waiting room.
    """

    attempt_id: UUID
    event_id: UUID
    seat_id: UUID | None
    fan_id: UUID
    region: str
    choice: int = 0
    after: float = 0.0
    queue_pass: str = ""

    @property
    def key(self) -> str:
        """Return the idempotency key of this try of hers."""
        return f"stampede-{self.attempt_id}-{self.choice}"


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a buyer was told: an Outcome, the order if it is a yes, why if it is not.

    A refusal without a detail means that the seat is taken. `attempts` and `conflicts` are what a
    store that @occ_retry does not count has taken; None: it counted. `seat_id` is the seat where
    the shop has chosen it.
    """

    outcome: Outcome
    order_id: UUID | None = None
    detail: str = ""
    attempts: int | None = None
    conflicts: int | None = None
    seat_id: UUID | None = None


Buyer = Callable[[Wish, datetime], Told]
Sell = Callable[..., Order | Answer]


def buyer_of(sell: Sell) -> Buyer:
    """Return a buyer who calls `sell` as she would call the product's purchase; never raises.

    The attempt is the idempotency key, so a COMMIT that got no answer is looked up and not
    repeated blindly. UNKNOWN is left only where no later look succeeded either.
    """

    def try_to_buy(wish: Wish, now: datetime) -> Told:
        try:
            return Told(outcome=Outcome.CONFIRMED, order_id=_purchase(sell, wish, now))
        except SeatTaken:
            return Told(outcome=Outcome.REJECTED)
        except (NotOnSale, LimitReached, UnknownSeat) as refusal:
            reason = str(refusal) or refusal.__doc__ or ""
            return Told(outcome=Outcome.REJECTED, detail=reason[:_DETAIL_LENGTH])
        except OutcomeUnknown as error:
            return Told(outcome=Outcome.UNKNOWN, detail=describe(error))
        except Exception as error:
            # A buyer who fails is a result of the stampede, not its end.
            logger.warning("Attempt %s failed: %s", wish.attempt_id, describe(error))
            return Told(outcome=Outcome.ERROR, detail=describe(error))

    return try_to_buy


def buy(wish: Wish, now: datetime) -> Told:
    """Buy through the product's own purchase, as the API does; never raises."""
    return buyer_of(purchase)(wish, now)


def _purchase(sell: Sell, wish: Wish, now: datetime) -> UUID:
    request = RequestKey(
        fan_id=wish.fan_id,
        key=wish.key,
        fingerprint=fingerprint(method="STAMPEDE", path=str(wish.event_id), body=wish.seat_id),
    )
    bought = sell(
        event_id=wish.event_id,
        seat_id=wish.seat_id,
        fan_id=wish.fan_id,
        region=wish.region,
        now=now,
        keyed=Keyed(request, _render),
        # Only the product knows passes: a foil's sale is not told of any.
        **({"queue_pass": wish.queue_pass} if wish.queue_pass else {}),
    )
    return UUID(bought.body["order"]) if isinstance(bought, Answer) else bought.pk


def _render(order: Order) -> Answer:
    return Answer(status=_CREATED, body={"order": str(order.pk)})


def describe(error: Exception) -> str:
    """Say in 300 characters what failed; the one index that matters is named first."""
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, IntegrityError) and _INDEX in str(error):
        text = f"{STOPPED_BY_INDEX}: {text}"
    return text[:_DETAIL_LENGTH]
