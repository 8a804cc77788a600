"""Simulate a waiting room with many fans, and check its order.

Exit status: 0 when all is as promised, 1 when it is not, 2 when it could not be run.
"""

from __future__ import annotations

import json
import random
import resource
import tempfile
import time
from argparse import ArgumentParser
from contextlib import ExitStack
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import redis
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.crypto import get_random_string
from django_redis.cache import RedisCache

from accounts.models import Organisation
from accounts.scopes import everywhere
from sales.models import Event, EventState, QueuePlace, SeatingPlan, Venue, WaitingRoom
from sales.waiting_room.desk import Desk
from sales.waiting_room.simulation import Crowd, Plan, judge, simulate

ROWS_AT_ONCE = 2000


class Command(BaseCommand):
    """`manage.py simulate_queue --joiners 100000 --restart-valkey`."""

    help = (
        "Let simulated fans join a waiting room from several regions, half of them before the "
        "sale, and check that they are let in in a fair order, at the rate, and that nobody is "
        "lost. The clock is simulated; the database is the configured one. Exit status 1: "
        "something was not as promised."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        add = parser.add_argument
        add("--joiners", type=int, default=10_000, help="fans (default: %(default)s)")
        add("--seats", type=int, help="a fan takes one (default: two thirds of the fans)")
        add("--rate", type=int, help="fans let in a minute (default: a quarter of them)")
        add("--regions", type=int, default=2, help="(default: %(default)s)")
        add("--leaving", type=float, default=0.2, help="share who leave (default: %(default)s)")
        add("--seed", type=int, default=1, help="what all chance comes from (default: %(default)s)")
        add("--restart-valkey", action="store_true", help="that of the first region, in the middle")
        add("--json", action="store_true", dest="as_json", help="print the findings as JSON")

    @everywhere()
    def handle(self, *args: Any, **options: Any) -> None:
        """Simulate, print, and clean up."""
        joiners = options["joiners"]
        if joiners < 10 or options["regions"] < 1 or not 0 <= options["leaving"] < 1:
            raise CommandError(
                "Use at least 10 joiners, 1 region, and a share below 1.", returncode=2
            )
        began = time.monotonic()
        plan = _stage(
            joiners=joiners,
            seats=options["seats"] or joiners * 2 // 3,
            rate=options["rate"] or max(joiners // 4, 1),
            leaving=options["leaving"],
            seed=options["seed"],
        )
        try:
            with ExitStack() as stack:
                valkeys = [_Valkey(stack) for _ in range(options["regions"])]
                found = self._run(plan, valkeys, restart=options["restart_valkey"])
        finally:
            _clear(plan)
        found["seconds"] = round(time.monotonic() - began, 1)
        found["peak_memory_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        if options["as_json"]:
            self.stdout.write(json.dumps(found, indent=1))
        else:
            for name, value in found.items():
                self.stdout.write(f"{name.replace('_', ' '):22} {value}")
        if found["wrong"]:
            raise CommandError("The waiting room did not do as it promises.", returncode=1)

    def _run(self, plan: Plan, valkeys: list[_Valkey], *, restart: bool) -> dict[str, Any]:
        crowd = Crowd(available=plan.seats)
        desks = [
            Desk(f"region-{number}", valkey.cache, crowd.count_seats)
            for number, valkey in enumerate(valkeys, start=1)
        ]
        at = [(40.0, valkeys[0].stop), (50.0, valkeys[0].start_again)] if restart else []
        simulate(plan, crowd, desks, at=at, progress=self._tell)
        found = {
            "plan": {**asdict(plan), "event_id": str(plan.event_id)},
            **asdict(judge(plan, crowd)),
        }
        del found["plan"]["room_seed"]
        found["plan"]["start"] = plan.start.isoformat()
        found["valkey_memory_kib"] = [valkey.used_kib() for valkey in valkeys]
        found["places_written"] = QueuePlace.objects.filter(room__event=plan.event_id).count()
        return found

    def _tell(self, line: str) -> None:
        self.stderr.write(line)


class _Valkey:
    """A region's Valkey, of the simulation's own."""

    def __init__(self, stack: ExitStack) -> None:
        from worldseat.local import valkey
        from worldseat.local.processes import Supervisor

        self._valkey, self._new, self._stack = valkey, Supervisor, stack
        self._home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (self._home / "logs").mkdir()
        self._supervisor = stack.enter_context(Supervisor())
        self._address, _ = valkey.start(self._supervisor, self._home)
        options = settings.CACHES["default"].get("OPTIONS", {})
        self.cache = RedisCache(self._address, {"OPTIONS": options})

    def stop(self) -> None:
        """End it, with all that it has."""
        self._supervisor.stop()

    def start_again(self) -> None:
        """Start it where it was, empty."""
        self._supervisor = self._stack.enter_context(self._new())
        self._valkey.start_again(self._supervisor, self._home, address=self._address)

    def used_kib(self) -> int:
        """Return the memory that its data and itself take."""
        # A connection of its own: the cache's may not try again yet, if it met the restart.
        with redis.Redis.from_url(self._address) as client:
            return int(client.info("memory")["used_memory"]) // 1024


def _stage(*, joiners: int, seats: int, rate: int, leaving: float, seed: int) -> Plan:
    """Make an event with a waiting room; its seats are counted, not there."""
    name = f"queue-simulation-{get_random_string(8).lower()}"
    now = timezone.now()
    organisation = Organisation.objects.create(name=name, slug=name)
    venue = Venue.objects.create(organisation=organisation, name=name)
    seating = SeatingPlan.objects.create(
        organisation=organisation,
        venue=venue,
        name=name,
        width=1,
        height=1,
        categories=[],
        seat_count=0,
        digest=name,
    )
    chance = random.Random(seed)  # noqa: S311 # to be repeated
    event = Event.objects.create(
        id=UUID(int=chance.getrandbits(128), version=4),
        organisation=organisation,
        venue=venue,
        plan=seating,
        name=name,
        slug=name,
        state=EventState.PUBLISHED,
        currency="EUR",
        starts_at=now + timedelta(days=30),
        on_sale_at=now,
        off_sale_at=now + timedelta(days=29),
        is_simulation=True,
        has_waiting_room=True,
    )
    secret = chance.randbytes(32).hex()
    WaitingRoom.objects.create(
        event=event, opens_at=now - timedelta(hours=1), rate_per_minute=rate, seed=secret
    )
    return Plan(event.pk, now, joiners, seats, rate, leaving, seed, secret)


def _clear(plan: Plan) -> None:
    """Take away what was made, a batch a transaction."""
    places = QueuePlace.objects.filter(room__event=plan.event_id)
    while ids := list(places.values_list("pk", flat=True)[:ROWS_AT_ONCE]):
        QueuePlace.objects.filter(pk__in=ids).delete()
    organisation = Organisation.objects.get(events=plan.event_id)
    Event.objects.filter(pk=plan.event_id).delete()
    organisation.delete()
