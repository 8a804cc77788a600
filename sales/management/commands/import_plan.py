"""Import a seating plan into an event: from a file, or by numbers."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError
from django.db import Error
from django.utils import timezone
from rich.console import Console

from accounts.scopes import everywhere
from sales.events import EventNotFound, find_event
from sales.management.plan_options import BadOptions, add_plan_options, wanted
from sales.management.progress import seat_progress
from sales.models import Event, EventState, PriceCategory
from sales.plans import (
    BadNumbers,
    Done,
    ImportDisturbed,
    Plan,
    PlanInvalid,
    PlanUnreadable,
    Refused,
    import_plan,
)

_UNCHANGED = "Nothing was changed."
_UNFINISHED = (
    "The import is not finished: none of its seats can be seen or bought. "
    "Run the same command again, and it goes on from there."
)


class Command(BaseCommand):
    """`manage.py import_plan`: see sales.plans and docs/seating-plans.md."""

    help = "Import a seating plan into an event: a file in pretix's JSON format, or by numbers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("event", help="id, slug, or organisation/slug")
        add_plan_options(parser)
        parser.add_argument(
            "--json", action="store_true", help="print one JSON object, also for an error"
        )

    @everywhere()
    def handle(self, *args: Any, **options: Any) -> None:
        """Import, and print what there is now."""
        began = time.monotonic()
        with self._errors_told(as_json=options["json"]):
            event = find_event(options["event"])
            plan, prices = wanted(options)
            with seat_progress(Console(stderr=True)) as progress:
                done = import_plan(
                    event_id=event.pk,
                    plan=plan,
                    prices=prices,
                    now=timezone.now(),
                    progress=progress,
                )
            event.refresh_from_db()
            if options["json"]:
                self.stdout.write(json.dumps(_summary(event, plan, done)))
            else:
                self._show(event, plan, done, time.monotonic() - began)

    @contextmanager
    def _errors_told(self, *, as_json: bool) -> Iterator[None]:
        """Turn each expected error into a message: what happened, what is as it was."""
        try:
            yield
        except PlanInvalid as error:
            places = [{"path": each.path, "problem": each.problem} for each in error.places]
            found = {"places": places, "more": error.more}
            self._fail(as_json, "invalid-plan", f"{error}\n{_UNCHANGED}", found)
        except PlanUnreadable as error:
            self._fail(as_json, "unreadable-plan", f"{error} {_UNCHANGED}")
        except (BadOptions, BadNumbers) as error:
            self._fail(as_json, "invalid", f"{error} {_UNCHANGED}")
        except EventNotFound as error:
            self._fail(as_json, "not-found", f"{error} {_UNCHANGED}")
        except ImportDisturbed as error:
            self._fail(as_json, error.code, str(error))
        except Refused as error:
            self._fail(as_json, error.code, f"{error} {_UNCHANGED}")
        except Error as error:
            self._fail(as_json, "database", f"The database failed: {error}\n{_UNFINISHED}")
        except KeyboardInterrupt:
            self._fail(as_json, "interrupted", f"Interrupted. {_UNFINISHED}", status=130)

    def _fail(
        self,
        as_json: bool,
        code: str,
        message: str,
        more: dict[str, Any] | None = None,
        *,
        status: int = 1,
    ) -> NoReturn:
        if as_json:
            error = {"code": code, "message": message, **(more or {})}
            self.stdout.write(json.dumps({"error": error}))
        raise CommandError(message, returncode=status) from None

    def _show(self, event: Event, plan: Plan, done: Done, seconds: float) -> None:
        if done.unchanged:
            self.stdout.write(
                f"{event.name} has the plan {plan.name!r} already: "
                f"{len(plan.seats):,} seats. {_UNCHANGED}"
            )
            return
        self.stdout.write(
            f"Imported {plan.name!r} into {event.name}: {len(plan.seats):,} seats in "
            f"{len(plan.zones)} sections ({done.made:,} made now, {done.deleted:,} deleted, "
            f"{seconds:.1f} s)."
        )
        for category in _categories(event, plan):
            self.stdout.write(
                f"  {category['name']}: {category['seats']:,} seats at {category['price_minor']} "
                f"minor units of {event.currency}"
            )
        if event.state == EventState.DRAFT:
            self.stdout.write("The event is a draft: publish it to sell.")


def _summary(event: Event, plan: Plan, done: Done) -> dict[str, Any]:
    return {
        "event": event.slug,
        "plan": str(done.plan_id),
        "name": plan.name,
        "digest": plan.digest,
        "unchanged": done.unchanged,
        "seats": len(plan.seats),
        "made": done.made,
        "deleted": done.deleted,
        "sections": len(plan.zones),
        "categories": _categories(event, plan),
    }


def _categories(event: Event, plan: Plan) -> list[dict[str, Any]]:
    seats = plan.seats_of_categories()
    found = {each.name: each for each in PriceCategory.objects.filter(event=event)}
    return [
        {
            "name": each["name"],
            "color": found[each["name"]].color,
            "price_minor": found[each["name"]].price_minor,
            "seats": seats.get(each["name"], 0),
        }
        for each in plan.categories
        if each["name"] in found
    ]
