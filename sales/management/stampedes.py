"""What `manage.py stampede` does: one run after another, each planned, sent and watched."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from secrets import randbelow
from typing import Any
from uuid import UUID

from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from sales.demo import seed_simulation
from sales.events import find_event
from sales.models import Event, Seat, SeatStatus, Shape
from sales.seats import find_seat
from sales.stampede.contenders import CONTENDERS, contender_named
from sales.stampede.contenders.holding import HOLDS
from sales.stampede.faults import Fault, during, parse_fault
from sales.stampede.options import Options
from sales.stampede.plan import CannotStampede, check_plan, plan_stampede
from sales.stampede.progress import progress_of, waiting_for
from sales.stampede.settling import SETTLED, settle, stop_stampede
from sales.stampede.staging import controls, staged
from sales.stampede.workers import BrokerUnreachable, require_workers
from sales.tasks import stampede

__all__ = ["NO_REPORT", "Director", "GivenUp", "Gone", "Wanted"]

NO_REPORT = 2
_INTERRUPTED = 130
_LOOK_SECONDS = 0.2


class GivenUp(Exception):
    """There was no report in time."""


class Gone(Exception):
    """Somebody deleted the stampede, or there is no such one."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the command line asks for."""

    event: str
    plan: str
    seat: str
    buyers: int
    regions: Sequence[str]
    contenders: Sequence[str]
    runs: int
    timeout: float
    faults: Sequence[Fault]
    options: Options = field(default_factory=Options)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Wanted:
        """Read the command's options; raises CannotStampede, BadFault, Unavailable."""
        weighed = [_weigh(each) for each in given["regions"].split(",") if each.strip()]
        regions = [region for region, _ in weighed]
        names = _every(given["shape"]) if given["all"] else given["contender"] or ["dsql"]
        for name in names:
            contender_named(name)
        seed = randbelow(1 << 31) if given["seed"] is None else given["seed"]
        return cls(
            event=given["event"] or "",
            plan=given["plan"],
            seat=given["seat"] or "",
            buyers=given["buyers"],
            regions=regions,
            contenders=names,
            runs=given["runs"],
            timeout=given["timeout"],
            faults=[parse_fault(text, regions) for text in given["fault"]],
            options=Options(
                shape=given["shape"],
                shares=dict(weighed) if any(weight != 1 for _, weight in weighed) else {},
                think_ms=given["think_ms"],
                rush_ms=given["rush_ms"],
                lag_ms=given["lag_ms"],
                seed=seed,
                faults=list(given["fault"]),
                aws=given["aws"],
                waiting_room=given["waiting_room"],
            ),
        )


def _every(shape: str) -> list[str]:
    """Return all contenders, but for the one that is for another shape."""
    return [name for name in CONTENDERS if name != HOLDS.name or shape == Shape.BEST_AVAILABLE]


def _weigh(text: str) -> tuple[str, float]:
    region, _, weight = text.strip().partition("=")
    try:
        return region, float(weight or 1)
    except ValueError:
        raise CannotStampede("shares", f"{text!r}: give a weight as in {region}=3.") from None


class Director:
    """Runs what is wanted. `say` tells the user something that is no result."""

    def __init__(self, wanted: Wanted, *, say: Callable[[str], object]) -> None:
        self._wanted = wanted
        self._say = say

    def run(self) -> Iterator[dict[str, Any]]:
        """Yield the report of each run, the contenders in turn."""
        wanted, options = self._wanted, self._wanted.options
        with ExitStack() as stack:
            self._controls = controls(wanted.regions) if wanted.faults else {}
            if wanted.event:
                # What is wrong is said before anything is started.
                self._check_first(find_event(wanted.event))
            require_workers(wanted.regions)
            addresses = stack.enter_context(
                staged(wanted.contenders, wanted.regions, lag_ms=options.lag_ms, aws=options.aws)
            )
            for number in range(wanted.runs):
                for name in wanted.contenders:
                    yield self._run_one(
                        replace(
                            options,
                            contender=name,
                            seed=options.seed + number,
                            addresses=addresses.get(name, {}),
                        )
                    )

    def _check_first(self, event: Event) -> None:
        for name in self._wanted.contenders:
            # What is started for a contender counts as there.
            there = dict.fromkeys(self._wanted.regions, "")
            options = replace(self._wanted.options, contender=name, addresses=there)
            check_plan(**self._wish(event, options))

    def _wish(self, event: Event, options: Options) -> dict[str, Any]:
        return {
            "event_id": event.pk,
            "seat_id": self._seat(event) if options.shape == Shape.ONE_SEAT else None,
            "buyers": self._wanted.buyers,
            "regions": self._wanted.regions,
            "now": timezone.now(),
            "options": options,
        }

    def _seat(self, event: Event) -> UUID | None:
        if self._wanted.seat:
            return find_seat(event=event, name=self._wanted.seat).pk
        free = Seat.objects.filter(event=event, status=SeatStatus.AVAILABLE).in_order()
        return free.values_list("pk", flat=True).first()

    def _event(self) -> Event:
        if self._wanted.event:
            return find_event(self._wanted.event)
        return seed_simulation(now=timezone.now(), plan=self._wanted.plan)

    def _run_one(self, options: Options) -> dict[str, Any]:
        wanted = self._wanted
        stampede_id = plan_stampede(**self._wish(self._event(), options), started_by=None)
        with during(stampede_id, wanted.faults, self._controls, seed=options.seed):
            try:
                stampede.delay(str(stampede_id))
            except BrokerError as error:
                raise BrokerUnreachable from error
            try:
                return self._watch(stampede_id, options.contender)
            except KeyboardInterrupt:
                self._leave(stampede_id, options)
                raise SystemExit(_INTERRUPTED) from None

    def _leave(self, stampede_id: UUID, options: Options) -> None:
        """Leave a stampede to its workers, or stop one whose servers end with us."""
        if options.addresses:
            stop_stampede(stampede_id=stampede_id, now=timezone.now())
            self._say(f"Stopped the stampede {stampede_id}, whose servers end with this command.")
            return
        self._say(
            f"Stopped watching. The stampede {stampede_id} goes on in its workers, which settle it."
        )

    def _watch(self, stampede_id: UUID, title: str) -> dict[str, Any]:
        """Return the report once it is there, and show progress until then."""
        until = time.monotonic() + self._wanted.timeout
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("sold {task.fields[sold]}  refused {task.fields[refused]}"),
            TextColumn("retries {task.fields[retries]}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(title, total=self._wanted.buyers, sold=0, refused=0, retries=0)
            while True:
                now = progress_of(stampede_id)
                bar.update(
                    task,
                    description=waiting_for(stampede_id) or title,
                    completed=now.done,
                    sold=now.confirmed,
                    refused=now.rejected,
                    retries=now.retries,
                )
                found = settle(stampede_id=stampede_id, now=timezone.now())
                if found is None:
                    raise Gone("Somebody deleted the stampede.")
                if found.state in SETTLED and found.report:
                    report: dict[str, Any] = found.report
                    return report
                if time.monotonic() > until:
                    raise GivenUp(
                        f"No report after {self._wanted.timeout:g} s: {now.done} of "
                        f"{self._wanted.buyers} buyers were told. The stampede {stampede_id} goes "
                        f"on in its workers."
                    )
                time.sleep(_LOOK_SECONDS)
