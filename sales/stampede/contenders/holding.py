"""The product's own way to the best seats: held, side by side with nobody, and paid.

The other contenders take the first free seat in the plan's order, which is what everybody else
wants as well; the product spreads its buyers (sales.best_available).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.models import User
from sales.best_available.holding import BestHold, NoSeatsLeft, hold_best_available
from sales.best_available.holding import Wish as BestWish
from sales.idempotency import Answer, Keyed, RequestKey, fingerprint
from sales.models import HeldSeat, OrderState, Outcome, Shape
from sales.orders import PaymentUnsettled, pay_for_hold
from sales.settlement import Settled
from sales.stampede.buyers import Told, Wish, describe
from sales.stampede.contenders.base import Run, Unavailable
from sales.stampede.contenders.product import BuyerShop, Dsql
from sales.stampede.options import Options
from worldseat.dsql.occ import OutcomeUnknown

__all__ = ["HOLDS", "Holds"]

logger = logging.getLogger(__name__)


class _HoldingShop(BuyerShop):
    """A shop that chooses the seat."""

    chooses_seats = True


class Holds(Dsql):
    """Hold the best seat that is left, then order and pay for it."""

    name = "dsql-holds"
    title = "Aurora DSQL, best available held and paid"

    def require(self, options: Options) -> None:
        """Take the one shape that it is for."""
        if options.shape != Shape.BEST_AVAILABLE:
            raise Unavailable(f"{self.name} is for --shape {Shape.BEST_AVAILABLE.value} alone.")

    @contextmanager
    def open(self, run: Run, region: str, fans: Sequence[UUID]) -> Iterator[BuyerShop]:
        """Open a region's shop."""
        yield _HoldingShop(run, _hold_and_pay)


def _hold_and_pay(wish: Wish, now: datetime) -> Told:
    """Buy one seat, whichever is best; never raises."""
    seat_id: UUID | None = None
    try:
        hold_id = _hold(wish, now)
        seat_id = HeldSeat.objects.values_list("seat_id", flat=True).get(hold_id=hold_id)
        order_id, state = _pay(wish, hold_id)
    except NoSeatsLeft:
        return Told(outcome=Outcome.REJECTED, detail="Sold out.")
    except (OutcomeUnknown, PaymentUnsettled) as error:
        return Told(outcome=Outcome.UNKNOWN, detail=describe(error), seat_id=seat_id)
    except Exception as error:
        logger.warning("Attempt %s failed: %s", wish.attempt_id, describe(error))
        return Told(outcome=Outcome.ERROR, detail=describe(error), seat_id=seat_id)
    if state != OrderState.PAID:
        return Told(outcome=Outcome.ERROR, detail=f"The order is {state}.", seat_id=seat_id)
    return Told(outcome=Outcome.CONFIRMED, order_id=order_id, seat_id=seat_id)


def _hold(wish: Wish, now: datetime) -> UUID:
    def render(best: BestHold) -> Answer:
        return Answer(status=201, body={"hold": str(best.hold.pk)})

    held = hold_best_available(
        event_id=wish.event_id,
        wish=BestWish(quantity=1),
        fan_id=wish.fan_id,
        region=wish.region,
        now=now,
        queue_pass=wish.queue_pass,
        keyed=Keyed(_request(wish, "hold"), render),
    )
    return UUID(held.body["hold"]) if isinstance(held, Answer) else held.hold.pk


def _pay(wish: Wish, hold_id: UUID) -> tuple[UUID, str]:
    def render(settled: Settled) -> Answer:
        return Answer(status=201, body=_order(settled))

    paid = pay_for_hold(
        hold_id=hold_id,
        user=User(pk=wish.fan_id),
        provider="test",
        token="tok_ok",  # noqa: S106  the test provider's card that works
        region=wish.region,
        keyed=Keyed(_request(wish, "order"), render),
    )
    body = paid.body if isinstance(paid, Answer) else _order(paid)
    return UUID(body["order"]), body["state"]


def _order(settled: Settled) -> dict[str, Any]:
    return {"order": str(settled.order.pk), "state": str(settled.order.state)}


def _request(wish: Wish, what: str) -> RequestKey:
    return RequestKey(
        fan_id=wish.fan_id,
        key=f"{wish.key}-{what}",
        fingerprint=fingerprint(method="STAMPEDE", path=str(wish.event_id), body=what),
    )


HOLDS = Holds()
