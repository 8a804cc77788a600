"""`manage.py reseal`: encrypt all kept secrets under a SECRET_KEY that has changed."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.scopes import everywhere
from accounts.two_factor import reseal_factors
from sales.telling.endpoints import reseal_secrets


class Command(BaseCommand):
    """Seal the secrets anew."""

    help = (
        "Encrypt the secrets of webhooks and of two-factor sign-in under SECRET_KEY; the old key "
        "is in SECRET_KEY_FALLBACKS until then. May be stopped and run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take --json."""
        parser.add_argument("--json", action="store_true", help="print the counts for programs")

    @everywhere()
    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, and say of how many, and which no key opens."""
        done = {"webhooks": reseal_secrets(), "two-factor secrets": reseal_factors()}
        if options["json"]:
            told = {
                name.replace("-", "_").replace(" ", "_"): {"sealed": each.sealed, "lost": each.lost}
                for name, each in done.items()
            }
            self.stdout.write(json.dumps(told))
            return
        for name, each in done.items():
            self.stdout.write(f"{each.sealed} {name} are sealed under SECRET_KEY.")
            if each.lost:
                self.stderr.write(
                    f"{each.lost} {name} open with no key and stay as they are: add the key that "
                    "sealed them to SECRET_KEY_FALLBACKS and run this again, or make them anew."
                )
