"""One buyer's whole try, from when she asks to when she is told or goes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sales.models import Outcome
from sales.stampede.buyers import Told, Wish, describe
from sales.stampede.clock import Clock
from sales.stampede.contenders import Run, Shop
from sales.stampede.recorder import Tried
from sales.stampede.shapes import choose_again
from worldseat.dsql.occ import tally

__all__ = ["MOST_CHOICES", "Buying"]

# A buyer who has been refused so many seats goes home.
MOST_CHOICES = 200


@dataclass(frozen=True)
class Buying:
    """How the buyers of one region buy, at one shop."""

    run: Run
    shop: Shop
    clock: Clock

    def try_for(self, wish: Wish) -> Tried:
        """Have a buyer try, seat after seat where her run lets her choose; never raises."""
        attempts = conflicts = 0
        with tally() as counted:
            started_at = self.clock.now()
            told: Told | None = None
            while told is None or self._goes_on(wish, told):
                first = told is None and (wish.seat_id or self.shop.chooses_seats)
                chosen = wish if first else self._choose(wish, told)
                if isinstance(chosen, Told):
                    told = told or chosen
                    break
                wish = chosen
                told = self.shop.buy(wish, self.clock.now())
                attempts += told.attempts or 0
                conflicts += told.conflicts or 0
            finished_at = self.clock.now()
        seat_id = told.seat_id or wish.seat_id
        choices = wish.choice + (seat_id is not None)
        # A purchase is one call of the database at each seat; holding and paying are several.
        tried = counted.attempts - counted.calls + choices if counted.attempts else 0
        return Tried(
            attempt_id=wish.attempt_id,
            told=told,
            attempts=attempts or tried,
            conflicts=conflicts or counted.conflicts,
            started_at=started_at,
            finished_at=finished_at,
            seat_id=seat_id,
            choices=choices,
        )

    def _goes_on(self, wish: Wish, told: Told) -> bool:
        """Tell whether a buyer looks for another seat: hers was taken, and any will do."""
        refused = told.outcome == Outcome.REJECTED and not told.detail
        return refused and self.run.chooses_seats and wish.choice + 1 < MOST_CHOICES

    def _choose(self, wish: Wish, told: Told | None) -> Wish | Told:
        """Return her next wish, or what she is told where there is none."""
        try:
            free = self.shop.free_seats(self.clock.now())
        except Exception as error:
            return Told(outcome=Outcome.ERROR, detail=describe(error))
        choice = 0 if told is None else wish.choice + 1
        seat = choose_again(free, self.run.options, who=wish.fan_id, choice=choice)
        if seat is None:
            return Told(outcome=Outcome.REJECTED, detail="" if wish.seat_id else "Sold out.")
        return replace(wish, seat_id=seat, choice=choice)
