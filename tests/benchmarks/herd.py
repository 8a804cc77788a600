"""A herd that wants the best seats of a hall of 1,586, all of them at one instant.

The buyers are threads of one process on PostgreSQL, or of a process in each of two regions, on
the regions' endpoints, as far from each other as two regions are: each has a cache of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from worldseat.local import ports, postgres, state, valkey
from worldseat.local.endpoint import launch
from worldseat.local.processes import Supervisor

__all__ = ["HERDS", "Measured", "run"]

REGIONS = ("us-east-1", "us-east-2")
QUANTITY = 4


@dataclass(frozen=True)
class Herd:
    """How many buyers come, over what, how many at once a process, and the bar if there is one."""

    buyers: int
    regional: bool
    threads: int
    bar: float | None = None


HERDS: Mapping[str, Herd] = {
    "herd-postgresql": Herd(buyers=160, regional=False, threads=160, bar=1.3),
    "herd-two-regions": Herd(buyers=160, regional=True, threads=80, bar=1.3),
    "sell-out-two-regions": Herd(buyers=430, regional=True, threads=80),
}


@dataclass(frozen=True)
class Measured:
    """What a herd came to; `transactions` are all runs of all @occ_retry calls."""

    name: str
    buyers: int
    could_be_served: int
    served: int
    together: int
    told_no_seats_left: int
    seats_held: int
    transactions: int
    conflicts: int
    bar: float | None
    errors: dict[str, int] = field(default_factory=dict)

    @property
    def transactions_a_sale(self) -> float:
        """Return how many runs of a transaction a sale took."""
        return self.transactions / max(self.served, 1)

    @property
    def met(self) -> bool:
        """Tell whether all who could be served were, each seat once, and within the bar."""
        return (
            self.served == self.could_be_served
            and self.seats_held == self.served * QUANTITY
            and self.told_no_seats_left == self.buyers - self.served
            and not self.errors
            and (self.bar is None or self.transactions_a_sale <= self.bar)
        )


def run(home: Path, names: Sequence[str]) -> list[Measured]:
    """Start the servers and let each herd loose; raises worldseat.local.servers.FAILURES."""
    with state.claimed(home), Supervisor() as supervisor:
        url, port = postgres.start(supervisor, home)
        redis_url, redis_port = valkey.start(supervisor, home)
        endpoints = launch.start(supervisor, home, url, regions=REGIONS)
        ports.remember(home, {"postgres": port, "valkey": redis_port})
        first = endpoints[REGIONS[0]]
        os.environ |= {"DATABASE_URL": url, "REDIS_URL": redis_url, **first.environment}
        _set_up()
        found = []
        for name in names:
            herd = HERDS[name]
            urls = [endpoints[region].database_url for region in REGIONS]
            places = dict(zip(REGIONS, urls, strict=True)) if herd.regional else {REGIONS[0]: url}
            found.append(_let_loose(name, herd, places, redis_url))
        return found


def _set_up() -> None:
    """Make the tables."""
    import django
    from django.core.management import call_command

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "worldseat.settings")
    django.setup()
    call_command("migrate", verbosity=0)


def _let_loose(name: str, herd: Herd, places: Mapping[str, str], redis_url: str) -> Measured:
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
    told = [json.loads(process.communicate()[0]) for process in processes]
    answers = [answer for each in told for answer in each["answers"]]
    seats = Seat.objects.filter(event_id=event_id)
    return Measured(
        name=name,
        buyers=herd.buyers,
        could_be_served=min(herd.buyers, seats.count() // QUANTITY),
        served=sum(answer in ("together", "apart") for answer in answers),
        together=answers.count("together"),
        told_no_seats_left=answers.count("NoSeatsLeft"),
        seats_held=seats.filter(status=SeatStatus.HELD).count(),
        transactions=sum(each["attempts"] for each in told),
        conflicts=sum(each["conflicts"] for each in told),
        bar=herd.bar,
        errors={
            answer: answers.count(answer)
            for answer in set(answers) - {"together", "apart", "NoSeatsLeft"}
        },
    )


def _make_hall(buyers: int) -> tuple[str, list[str]]:
    """Make an event in the hall, on sale, and the fans."""
    from django.utils import timezone

    from accounts.models import User
    from sales.models import Event, Seat
    from sales.plans import Prices, import_plan, read_plan
    from tests.cast import make_event, make_organisation

    run_id = uuid4().hex[:12]
    event = make_event(make_organisation(run_id), name=run_id)
    Seat.objects.filter(event=event).delete()
    Event.objects.filter(pk=event.pk).update(plan=None)
    import_plan(
        event_id=event.pk,
        plan=read_plan(Path(__file__).parents[2] / "sales/data/plans/hall.json"),
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
        [sys.executable, "-m", "tests.benchmarks.buyers"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **own},
    )


def _tell(process: subprocess.Popen[Any], line: str) -> None:
    assert process.stdin
    process.stdin.write(line + "\n")
    process.stdin.flush()
