"""Case 3: a herd that wants the best seats of a hall of 1,586, all of them at one instant.

The buyers are threads of one process on PostgreSQL, or of a process in each of two regions, on
the regions' endpoints, as far from each other as two regions are: each has a cache of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from tests.benchmarks.figures import Found
from tests.benchmarks.stage import REGIONS, Stage

CASE = "best_available"
TITLE = "Best available: four seats each of a hall of 1,586, wanted by all at one instant"
BAR = 1.3
QUANTITY = 4
SERVED, NONE_LEFT = ("together", "apart"), "none left"


@dataclass(frozen=True)
class Herd:
    """How many buyers come, over what, how many at once a process, and how often at most."""

    buyers: int
    regional: bool
    threads: int
    rounds: int


HERDS: Mapping[str, Herd] = {
    "PostgreSQL": Herd(buyers=160, regional=False, threads=160, rounds=3),
    "two regions": Herd(buyers=160, regional=True, threads=80, rounds=3),
    "until sold out, two regions": Herd(buyers=430, regional=True, threads=80, rounds=1),
    "until sold out": Herd(buyers=1000, regional=False, threads=120, rounds=1),
}


@dataclass(frozen=True)
class Measured:
    """What a herd came to: its buyers by answer, and the transactions these took.

    Transactions are all runs of all @occ_retry calls. The answers are "together", "apart",
    "none left", or what an error said.
    """

    could_be_served: int
    seats_held: int
    seconds: float
    buyers: Counter[str]
    transactions: Counter[str]

    @property
    def served(self) -> int:
        """Return how many buyers hold seats."""
        return sum(self.buyers[answer] for answer in SERVED)

    @property
    def transactions_a_sale(self) -> float:
        """Return how many runs of a transaction a buyer took who was served."""
        return sum(self.transactions[answer] for answer in SERVED) / max(self.served, 1)

    @property
    def transactions_a_refusal(self) -> float:
        """Return the same of who was told that none are left."""
        return self.transactions[NONE_LEFT] / max(self.buyers[NONE_LEFT], 1)

    @property
    def is_right(self) -> bool:
        """Tell whether all who could be served were, and each seat once."""
        return (
            self.served == self.could_be_served
            and self.seats_held == self.served * QUANTITY
            and self.buyers.total() == self.served + self.buyers[NONE_LEFT]
        )


def run(stage: Stage, found: Found, rounds: int) -> None:
    """Let each herd loose, as often as there are rounds."""
    urls = {region: each.database_url for region, each in stage.endpoints.items()}
    for name, herd in HERDS.items():
        places = urls if herd.regional else {REGIONS[0]: stage.database_url}
        for _ in stage.rounds(min(rounds, herd.rounds)):
            told = _let_loose(herd, places, stage.redis_url)
            for what, value, unit in (
                ("transactions a sale", told.transactions_a_sale, ""),
                ("transactions a refusal", told.transactions_a_refusal, ""),
                ("served", told.served, ""),
                ("together", told.buyers["together"], ""),
                ("refused though seats were left", told.could_be_served - told.served, ""),
                ("all answered after", told.seconds, "s"),
            ):
                found.add(CASE, name, what, value, unit, size=f"{herd.buyers} buyers")
            if not told.is_right:
                found.notes[f"{CASE}, {name}"] = f"not as it should be: {told}"
        _hold_against_bar(found, name, herd)


def _hold_against_bar(found: Found, name: str, herd: Herd) -> None:
    size = f"{herd.buyers} buyers"
    transactions = found.get(CASE, name, "transactions a sale", size=size)
    refused = found.get(CASE, name, "refused though seats were left", size=size)
    assert transactions
    assert refused
    found.bar(
        CASE,
        f"{name}, {size}: at most 1.3 transactions a sale, none refused while a block is left",
        f"{transactions.text()}; {refused.text()} refused",
        met=transactions.median <= BAR and not any(refused.values),
    )


def _let_loose(herd: Herd, places: Mapping[str, str], redis_url: str) -> Measured:
    from sales.models import Seat, SeatStatus

    event_id, fans = _make_hall(herd.buyers)
    shares = [fans[at :: len(places)] for at in range(len(places))]
    processes = [
        _start(region, database_url, urlsplit(redis_url)._replace(path=f"/{at}").geturl())
        for at, (region, database_url) in enumerate(places.items())
    ]
    for process, share in zip(processes, shares, strict=True):
        asked = {"event": event_id, "fans": share, "threads": herd.threads, "quantity": QUANTITY}
        _tell(process, json.dumps(asked))
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        _tell(process, "go")
    began = time.monotonic()
    told = [json.loads(process.communicate()[0]) for process in processes]
    seconds = time.monotonic() - began
    buyers: Counter[str] = Counter()
    transactions: Counter[str] = Counter()
    for each in chain.from_iterable(told):
        buyers[each["answer"]] += 1
        transactions[each["answer"]] += each["attempts"]
    seats = Seat.objects.filter(event_id=event_id)
    return Measured(
        could_be_served=min(herd.buyers, seats.count() // QUANTITY),
        seats_held=seats.filter(status=SeatStatus.HELD).count(),
        seconds=seconds,
        buyers=buyers,
        transactions=transactions,
    )


def _make_hall(buyers: int) -> tuple[str, list[str]]:
    """Make an event in the hall, on sale, and the fans."""
    from django.utils import timezone

    from accounts.models import User
    from sales.models import Event, Seat
    from sales.plans import Prices, import_plan, read_plan
    from tests.helpers.cast import make_event, make_organisation

    run_id = uuid4().hex[:12]
    event = make_event(make_organisation(run_id), name=run_id)
    Seat.objects.filter(event=event).delete()
    Event.objects.filter(pk=event.pk).update(plan=None)
    import_plan(
        event_id=event.pk,
        plan=read_plan(Path(__file__).parents[3] / "sales/data/plans/hall.json"),
        prices=Prices(default=5000),
        now=timezone.now(),
    )
    fans = User.objects.bulk_create(
        [User(email=f"{run_id}-{at}@example.com", password="!") for at in range(buyers)]
    )
    return str(event.pk), [str(fan.pk) for fan in fans]


def _start(region: str, database_url: str, redis_url: str) -> subprocess.Popen[str]:
    own = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "WORLDSEAT_REGION": region}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.cases.buyers"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **own},
    )


def _tell(process: subprocess.Popen[Any], line: str) -> None:
    assert process.stdin
    process.stdin.write(line + "\n")
    process.stdin.flush()
