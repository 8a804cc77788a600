"""Run a stampede and show its report.

Exit status: 0 when the witness agrees (also if a region was lost, with a warning), 1 when it
does not, 2 when there is no report, 130 after Ctrl-C.
"""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db import Error
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from sales.events import EventNotFound, find_event
from sales.seats import SeatNotFound, find_seat
from sales.stampede.plan import CannotStampede, check_plan, plan_stampede
from sales.stampede.progress import progress_of, waiting_for
from sales.stampede.scoreboard import print_scoreboard
from sales.stampede.settling import SETTLED, settle
from sales.stampede.workers import BrokerUnreachable, NoWorker, require_workers
from sales.tasks import stampede

_LOOK_SECONDS = 0.2
_NO_REPORT = 2
_INTERRUPTED = 130


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
        add("--event", required=True, help="id or slug of an event that is a simulation")
        add("--seat", required=True, help="row and number, A-1, or its name in the plan")
        add("--buyers", type=int, default=60, help="1 to 5000 (default: 60)")
        add(
            "--regions",
            default=",".join(settings.REGIONS),
            help="parted by commas (default: %(default)s)",
        )
        add("--json", action="store_true", help="print the report as one JSON object, no more")
        add("--timeout", type=float, default=120, help="seconds to wait (default: 120)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Check, plan, send, watch, show."""
        try:
            stampede_id = self._start(options)
            report = self._watch(stampede_id, options["buyers"], options["timeout"])
        except (EventNotFound, SeatNotFound, CannotStampede, NoWorker, BrokerUnreachable) as error:
            raise CommandError(str(error), returncode=_NO_REPORT) from error
        except Error as error:
            reason = f"The database does not answer as it should: {error}".strip()
            raise CommandError(reason, returncode=_NO_REPORT) from error
        if options["json"]:
            self.stdout.write(json.dumps(report))
        else:
            print_scoreboard(report, Console())
        if not report["witness"]["agree"]:
            raise SystemExit(1)

    def _start(self, options: dict[str, Any]) -> UUID:
        regions = [each.strip() for each in options["regions"].split(",") if each.strip()]
        event = find_event(options["event"])
        wish: dict[str, Any] = {
            "event_id": event.pk,
            "seat_id": find_seat(event=event, name=options["seat"]).pk,
            "buyers": options["buyers"],
            "regions": regions,
            "now": timezone.now(),
        }
        check_plan(**wish)
        require_workers(regions)
        stampede_id = plan_stampede(**wish, started_by=None)
        try:
            stampede.delay(str(stampede_id))
        except BrokerError as error:
            raise BrokerUnreachable from error
        return stampede_id

    def _watch(self, stampede_id: UUID, buyers: int, timeout: float) -> dict[str, Any]:
        """Return the report once it is there, and show progress until then."""
        until = time.monotonic() + timeout
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("sold {task.fields[sold]}  refused {task.fields[refused]}"),
            TextColumn("retries {task.fields[retries]}"),
            TimeElapsedColumn(),
        )
        try:
            with Progress(*columns, console=Console(stderr=True)) as bar:
                task = bar.add_task("Stampede", total=buyers, sold=0, refused=0, retries=0)
                while True:
                    now = progress_of(stampede_id)
                    bar.update(
                        task,
                        description=waiting_for(stampede_id) or "Stampede",
                        completed=now.done,
                        sold=now.confirmed,
                        refused=now.rejected,
                        retries=now.retries,
                    )
                    found = settle(stampede_id=stampede_id, now=timezone.now())
                    if found is None:
                        raise CommandError("Somebody deleted the stampede.", returncode=_NO_REPORT)
                    if found.state in SETTLED and found.report:
                        report: dict[str, Any] = found.report
                        return report
                    if time.monotonic() > until:
                        raise CommandError(
                            f"No report after {timeout:g} s: {now.done} of {buyers} buyers were "
                            f"told. The stampede {stampede_id} goes on in its workers.",
                            returncode=_NO_REPORT,
                        )
                    time.sleep(_LOOK_SECONDS)
        except KeyboardInterrupt:
            self.stderr.write(
                f"Stopped watching. The stampede {stampede_id} goes on in its workers, which "
                f"settle it."
            )
            raise SystemExit(_INTERRUPTED) from None
