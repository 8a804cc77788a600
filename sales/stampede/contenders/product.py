"""The product's own purchase, on the product's own tables: Aurora DSQL, or its stand-in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from django.db import connection

from sales.models import Seat
from sales.stampede.buyers import Buyer, Told, Wish, buy
from sales.stampede.contenders.base import Found, Run
from sales.stampede.contenders.waiting import InRoom, stand_in_room
from sales.stampede.options import Options

__all__ = ["BuyerShop", "Dsql"]


class BuyerShop:
    """A shop around a buyer that uses the thread's database connection."""

    chooses_seats = False

    def __init__(self, run: Run, buyer: Buyer) -> None:
        self._run = run
        self._buyer = buyer

    def enter(self) -> None:
        """Connect."""
        connection.ensure_connection()

    def leave(self) -> None:
        """Close the thread's connection."""
        connection.close()

    def buy(self, wish: Wish, now: datetime) -> Told:
        """Ask the buyer."""
        return self._buyer(wish, now)

    def stand(self, wish: Wish, ticket: str, now: datetime) -> InRoom:
        """Join the event's waiting room, or look how she stands."""
        return stand_in_room(wish, ticket, now)

    def free_seats(self, now: datetime) -> Sequence[UUID]:
        """Read which seats are free, in one statement."""
        seats = Seat.objects.filter(event_id=self._run.event_id).free(now)
        return list(seats.in_order().values_list("pk", flat=True))


class Dsql:
    """`sales.purchases.purchase`: naive, at snapshot isolation, with its retry."""

    name = "dsql"
    title = "Aurora DSQL, the naive purchase"
    sells_product = True

    def __init__(self, buyer: Buyer = buy) -> None:
        self._buyer = buyer

    def require(self, options: Options) -> None:
        """Run anywhere."""

    def describe(self, options: Options) -> str:
        """Say which database it is."""
        settings = connection.settings_dict
        if not settings["OPTIONS"].get("iam", True):
            return "PostgreSQL at REPEATABLE READ, in place of Aurora DSQL; unique index"
        local = settings["OPTIONS"].get("hostaddr") == "127.0.0.1"
        return f"{'local regional endpoints' if local else 'Aurora DSQL'}; unique index"

    def prepare(self, run: Run) -> None:
        """Do nothing: the seats are there."""

    @contextmanager
    def open(self, run: Run, region: str, fans: Sequence[UUID]) -> Iterator[BuyerShop]:
        """Open a region's shop."""
        yield BuyerShop(run, self._buyer)

    def look(self, run: Run) -> Found | None:
        """Leave it to the witness, who reads the product's tables in one snapshot."""
        return None

    def drop(self, run: Run) -> None:
        """Do nothing: results are kept."""
