"""Run stampedes and show their reports.

Exit status: 0 when the witness agrees (also if a region was lost, with a warning), 1 when it
does not, or when a waiting room's order was not kept, 2 when there is no report, 130 after Ctrl-C.
With `--all` or several contenders the product's own decide: the others are there to be seen
failing.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db import Error
from django.utils import timezone
from rich.console import Console

from accounts.scopes import everywhere
from sales.demo import SIMULATION_PLANS
from sales.events import EventNotFound
from sales.management.stampedes import NO_REPORT, Director, GivenUp, Gone, Wanted
from sales.models import Shape
from sales.seats import SeatNotFound
from sales.stampede.comparison import as_csv, as_markdown, summarise_runs
from sales.stampede.contenders import CONTENDERS, Unavailable
from sales.stampede.faults import BadFault
from sales.stampede.options import LAG_MS, RUSH_MS
from sales.stampede.plan import CannotStampede
from sales.stampede.progress import progress_of
from sales.stampede.scoreboard import print_scoreboard
from sales.stampede.settling import settle, stop_stampede
from sales.stampede.workers import BrokerUnreachable, NoWorker

_NO_REPORT = (
    EventNotFound,
    SeatNotFound,
    CannotStampede,
    Unavailable,
    BadFault,
    NoWorker,
    BrokerUnreachable,
    GivenUp,
    Gone,
)


class Command(BaseCommand):
    """`manage.py stampede --event opening-night --seat A-1 --buyers 60`."""

    help = (
        "Let simulated buyers want one seat at one instant, from several regions, through the "
        "Celery workers; show who got it. Exit status 1: the witness disagrees."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        from django.conf import settings

        add = parser.add_argument
        add("--event", help="id or slug of an event that is a simulation (default: a new one)")
        plans = sorted(SIMULATION_PLANS)
        add("--plan", choices=plans, default=plans[0], help="of a new event (default: %(default)s)")
        add("--seat", help="row and number, A-1, or its name in the plan (default: the first free)")
        add("--buyers", type=int, default=60, help="1 to 5000 (default: 60)")
        add(
            "--regions",
            default=",".join(settings.REGIONS),
            help="parted by commas; us-east-1=3 weighs threefold (default: %(default)s)",
        )
        add("--contender", action="append", help=f"one of {', '.join(CONTENDERS)}; may be repeated")
        add("--all", action="store_true", help="every contender, and the table for README")
        add("--runs", type=int, default=1, help="of each contender (default: 1)")
        add("--shape", choices=Shape.values, default=Shape.ONE_SEAT)
        add("--think-ms", type=int, default=0, help="how long a buyer thinks, at most")
        add("--rush-ms", type=int, default=RUSH_MS, help="how long a rush lasts (%(default)s)")
        add("--seed", type=int, help="what all chance comes from, to repeat a plan")
        add("--lag-ms", type=int, default=LAG_MS, help="between stand-ins' regions (%(default)s)")
        add(
            "--waiting-room",
            type=int,
            default=0,
            metavar="RATE",
            help="buyers first wait for their pass; so many are let in a minute",
        )
        add("--fault", action="append", default=[], metavar="[REGION:]NAME=N", help="see the docs")
        add("--aws", action="store_true", help="DynamoDB in the account of your credentials")
        add("--json", action="store_true", help="print the report as one JSON object, no more")
        add("--csv", action="store_true", help="print one line for each run as CSV, no more")
        add("--timeout", type=float, default=120, help="seconds to wait for each (default: 120)")
        add("--stop", metavar="ID", help="stop a stampede that runs, and end")
        add("--state", metavar="ID", help="say how far a stampede is, and end")

    @everywhere()
    def handle(self, *args: Any, **options: Any) -> None:
        """Check, plan, send, watch, show."""
        try:
            if options["stop"] or options["state"]:
                self._look(options)
                return
            reports = list(self._run(options))
        except _NO_REPORT as error:
            raise CommandError(str(error), returncode=NO_REPORT) from error
        except Error as error:
            reason = f"The database does not answer as it should: {error}".strip()
            raise CommandError(reason, returncode=NO_REPORT) from error
        self._show(reports, options)
        decisive = [each for each in reports if CONTENDERS[each["contender"]].sells_product]
        rooms = [each["waiting_room"] for each in reports if each["waiting_room"]]
        if not all(each["witness"]["agree"] for each in decisive or reports):
            raise SystemExit(1)
        if not all(each["fair"] for each in rooms):
            raise SystemExit(1)

    def _run(self, options: dict[str, Any]) -> Iterator[dict[str, Any]]:
        director = Director(Wanted.of(options), say=self.stderr.write)
        yield from director.run()

    def _show(self, reports: list[dict[str, Any]], options: dict[str, Any]) -> None:
        alone = len(reports) == 1 and not options["all"]
        if options["json"]:
            rows = summarise_runs(reports)
            self.stdout.write(
                json.dumps(reports[0] if alone else {"summary": rows, "runs": reports})
            )
        elif options["csv"]:
            self.stdout.write(as_csv(reports), ending="")
        elif alone:
            print_scoreboard(reports[0], Console())
        else:
            self.stdout.write(as_markdown(summarise_runs(reports)))

    def _look(self, options: dict[str, Any]) -> None:
        """Stop a stampede, or just say how far it is."""
        try:
            stampede_id = UUID(options["stop"] or options["state"])
        except ValueError:
            raise Gone("That is no id of a stampede.") from None
        if options["stop"]:
            stop_stampede(stampede_id=stampede_id, now=timezone.now())
        found = settle(stampede_id=stampede_id, now=timezone.now())
        if found is None:
            raise Gone(f"There is no stampede {stampede_id}.")
        now = progress_of(stampede_id)
        told = {
            "id": str(stampede_id),
            "state": found.state,
            "stopping": found.stop_at is not None,
            "contender": found.contender,
            "shape": found.shape,
            **vars(now),
            "report": found.report,
        }
        self.stdout.write(
            json.dumps(told)
            if options["json"]
            else f"{found.state}: {now.done} of {now.buyers} told, {now.confirmed} sold, "
            f"{now.rejected} refused, {now.retries} retries."
        )
