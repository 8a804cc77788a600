"""`manage.py check_books <event>`: do orders, tickets, payments and the ledger add up?"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.scopes import everywhere
from sales.books import check_books
from sales.events import EventNotFound, find_event


class Command(BaseCommand):
    """Check the books of an event; exit status 1 if they do not agree."""

    help = "Check that orders, tickets, payments, refunds and the ledger of an event add up."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the event."""
        parser.add_argument("event", help="Its slug, organisation/slug, or id.")

    @everywhere()
    def handle(self, *args: Any, **options: Any) -> None:
        """Print what does not add up."""
        try:
            event = find_event(options["event"])
        except EventNotFound as error:
            raise CommandError(str(error)) from None
        faults = check_books(event_id=event.pk)
        for fault in faults:
            self.stderr.write(fault)
        if faults:
            raise CommandError(f"The books of {event} do not add up: {len(faults)} faults.")
        self.stdout.write(f"The books of {event} add up.")
