"""Run the whole product on this machine and one on-sale against it."""

import os
import sys
from argparse import ArgumentParser, ArgumentTypeError

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from worldseat.local import demo, servers, state


class Command(BaseCommand):
    """`manage.py demo`: see worldseat.local.demo."""

    help = "Start everything, sell one seat to one of many buyers, show the proof, then serve."
    requires_system_checks: list[str] = []  # noqa: RUF012  as Django declares it

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--buyers", type=_positive, default=60, help="how many want the seat")
        parser.add_argument("--once", action="store_true", help="end after the scoreboard")
        parser.add_argument(
            "--port", type=_port, default=8000, help="where to serve; the next free one if taken"
        )

    def handle(self, *args: object, **options: object) -> None:
        """Run the demo and end with its exit status."""
        chosen = demo.Options(
            buyers=int(str(options["buyers"])),
            once=bool(options["once"]),
            port=int(str(options["port"])),
            regions=settings.REGIONS,
        )
        try:
            status = demo.run(chosen, state.directory(), os.environ, Console())
        except (*servers.FAILURES, demo.BadSeed) as error:
            raise CommandError(str(error)) from error
        sys.exit(status)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"use a whole number of at least 1, not {text!r}")
    return int(text)


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise ArgumentTypeError(f"use a port from 1 to 65535, not {text!r}")
    return int(text)
