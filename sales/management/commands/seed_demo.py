"""Make the demo's organisations, people and events, and a fresh event to stampede."""

from __future__ import annotations

import base64
import hashlib
import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import Error
from django.utils import timezone
from rich.console import Console

from accounts.scopes import everywhere
from sales.demo import CAST, SEAT, seed
from sales.management.progress import seat_progress
from worldseat.local import state


class Command(BaseCommand):
    """`manage.py seed_demo`: see sales.demo."""

    help = "Make the demo's organisations, people and events, and a fresh event to stampede."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument(
            "--force",
            action="store_true",
            help="also in a database that is not on this machine: it gets demo events and people",
        )

    @everywhere()
    def handle(self, *args: Any, **options: Any) -> None:
        """Seed, and print the event, the seat and the logins."""
        if not settings.LOCAL and not options["force"]:
            raise CommandError(
                f"The database ({settings.DATABASES['default']['HOST']}) is not on this machine. "
                f"Nothing was changed. With --force it gets demo events and people, a superuser "
                f"among them."
            )
        password = _demo_password()
        try:
            with seat_progress(Console(stderr=True)) as progress:
                event = seed(password=password, now=timezone.now(), progress=progress)
        except Error as error:
            raise CommandError(
                f"The database failed: {error}\nWhat was made so far does no harm. Run it again."
            ) from error
        logins = [{"role": c.title, "email": c.email, "password": password} for c in CAST]
        if options["json"]:
            self.stdout.write(json.dumps({"event": event.slug, "seat": SEAT, "logins": logins}))
        else:
            self._show(event.name, event.slug, logins)

    def _show(self, name: str, slug: str, logins: list[dict[str, str]]) -> None:
        self.stdout.write(f"{name} is on sale: event {slug}, seat {SEAT}.")
        for login in logins:
            self.stdout.write(f"  {login['role']:<14} {login['email']:<32} {login['password']}")


def _demo_password() -> str:
    """Return the demo's password, made once and kept in the state directory.

    A fixed one would be known to everybody who has read this file, on every machine that runs
    the demo, the ones reached with --force included.
    """
    home = state.directory()
    home.mkdir(parents=True, exist_ok=True)
    secret = state.kept_secret(home / "demo-password")
    # Shorter than the secret, so that it can be typed: 60 random bits.
    text = base64.b32encode(hashlib.sha256(secret.encode()).digest()).decode().lower()
    return f"demo-{text[:4]}-{text[4:8]}-{text[8:12]}"
