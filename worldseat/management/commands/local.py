"""Run the embedded servers in the foreground."""

import json
import os
import time
from argparse import ArgumentParser

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from worldseat.local import servers, state
from worldseat.local.processes import stopped_by_signals

_WATCH_SECONDS = 0.2


class Command(BaseCommand):
    """`manage.py local`: other commands of this checkout find its servers by themselves."""

    help = "Run the embedded servers, with an endpoint for each region, until Ctrl-C."
    requires_system_checks: list[str] = []  # noqa: RUF012  as Django declares it

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--json", action="store_true", help="print the addresses as one object")

    def handle(self, *args: object, **options: object) -> None:
        """Start the servers, say where they are, and wait."""
        try:
            with stopped_by_signals():
                self._serve(as_json=bool(options["json"]))
        except servers.FAILURES as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            self.stderr.write("Stopped.")

    def _serve(self, *, as_json: bool) -> None:
        with servers.running(state.directory(), os.environ, regions=settings.REGIONS) as (
            supervisor,
            addresses,
        ):
            said = {"database_url": addresses.database_url, "redis_url": addresses.redis_url}
            if as_json:
                more = {
                    "postgres_url": addresses.postgres_url,
                    "ports": dict(addresses.ports),
                    "regions": dict(addresses.regions),
                }
                self.stdout.write(json.dumps({**said, **more}))
            else:
                for name, value in said.items():
                    self.stdout.write(f"{name.upper()}={value}")
                for region, endpoint in addresses.regions.items():
                    self.stdout.write(f"# {region}: {endpoint['database_url']}")
                self.stderr.write("Ctrl-C ends them.")
            self.stdout.flush()
            while not (ended := supervisor.newly_ended()):
                time.sleep(_WATCH_SECONDS)
            raise ended[0]
