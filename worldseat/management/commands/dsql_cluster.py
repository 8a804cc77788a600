"""`manage.py dsql_cluster`: a pair of DSQL clusters in two regions, from nothing to settings."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any, TextIO, cast

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from worldseat.dsql.clusters import policy
from worldseat.dsql.clusters.failures import ClusterError
from worldseat.dsql.clusters.run import Run
from worldseat.dsql.clusters.terminal import Terminal

INTERRUPTED = 130

EXIT_CODES = """\
exit codes: 0 done; 1 something else; 2 wrong options; 3 not finished, or no answer: run it
again; 4 refused, somebody has to decide; 5 credentials, IAM or a quota; 6 a cluster is FAILED;
130 interrupted. After 3, 5 and 130 the same command goes on where it stood.
"""


class Command(BaseCommand):
    """Create, watch, grant access to and delete a pair of DSQL clusters."""

    help = "A pair of Aurora DSQL clusters in two regions: see docs/clusters.md."
    requires_system_checks = ()
    requires_migrations_checks = False

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        """Tell the exit codes below the options."""
        kwargs.setdefault("epilog", EXIT_CODES)
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the seven actions; those that AWS is asked in share the pair's options."""
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

        def action(name: str, summary: str, *, waits: bool = False) -> argparse.ArgumentParser:
            added: argparse.ArgumentParser = actions.add_parser(
                name, help=summary, description=summary, epilog=EXIT_CODES
            )
            _add_pair(added)
            if waits:
                _add_waiting(added)
            return added

        plan = action("plan", "show what `create` would do, without doing it")
        create = action("create", "make the pair, or finish it, and write its settings", waits=True)
        for each in (plan, create):
            each.add_argument("--witness", required=True, metavar="REGION")
            each.add_argument(
                "--unprotected", action="store_true", help="without deletion protection"
            )
        _add_creation(create)
        action("status", "show the pair as it stands (exit code 3 while it is not ready)")
        wait = action("wait", "wait until the pair is ready, or gone", waits=True)
        wait.add_argument("--for", dest="goal", choices=["active", "deleted"], default="active")
        shown = action("policy", "print the least IAM policies, with exact ARNs")
        shown.add_argument("--for", dest="audience", choices=policy.AUDIENCES)
        shown.add_argument("--witness", metavar="REGION", help="before the clusters exist")
        shown.add_argument("--account", metavar="ID", help="12 digits; default: the credentials'")
        _add_grant(action("grant", "set up the application's database role", waits=True))
        delete = action("delete", "delete both clusters with all their data", waits=True)
        delete.add_argument(
            "--confirm", action="append", default=[], metavar="ID", help="a protected cluster's id"
        )
        delete.add_argument("--yes", action="store_true", help="do not ask about unprotected ones")
        delete.add_argument("--no-wait", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run one action and turn its errors into words and an exit code."""
        # botocore tells at INFO where each client's credentials and endpoint came from.
        logging.getLogger("botocore").setLevel(logging.WARNING)
        # Django's wrapper ends every write with a newline, which a live line cannot have.
        terminal = Terminal(
            out=cast("TextIO", self.stdout),
            err=cast("TextIO", vars(self.stderr)["_out"]),
            as_json=options["as_json"],
        )
        try:
            with terminal:
                Run(terminal, options).perform()
        except ClusterError as error:
            raise CommandError(terminal.failure(error), returncode=error.exit_code) from error
        except KeyboardInterrupt:
            stopped = ClusterError("Interrupted.", todo="Run the same command again to go on.")
            stopped.exit_code = INTERRUPTED
            raise CommandError(terminal.failure(stopped), returncode=INTERRUPTED) from None


def _add_pair(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", default="worldseat", help="the pair's name (default: worldseat)")
    parser.add_argument(
        "--regions",
        metavar="A,B",
        default=",".join(settings.REGIONS),
        help="the two regions (default: %(default)s, from WORLDSEAT_REGIONS)",
    )
    parser.add_argument("--profile", help="named AWS profile (default: the usual chain)")
    parser.add_argument("--accept-region", action="append", default=[], metavar="REGION")
    parser.add_argument("--json", action="store_true", dest="as_json", help="for programs")


def _add_waiting(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--timeout", type=_seconds, default=900, metavar="SECONDS")
    parser.add_argument("--poll", type=_seconds, default=2, metavar="SECONDS")


def _add_creation(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-wait", action="store_true", help="do not wait until both are ACTIVE")
    parser.add_argument("--no-env", action="store_true", help="write no settings")
    _add_settings(parser)


def _add_settings(parser: argparse.ArgumentParser) -> None:
    folder = Path(settings.BASE_DIR) / ".worldseat" / "clusters"
    parser.add_argument("--env-dir", type=Path, default=folder, metavar="FOLDER")
    parser.add_argument("--role", default="worldseat_app", help="the application's database role")


def _add_grant(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--iam", required=True, metavar="ARN", help="the application's IAM role")
    parser.add_argument("--role", default="worldseat_app", help="the database role to set up")
    parser.add_argument("--schema", default="public", help="where the tables are")
    parser.add_argument("--hostaddr", help="address of the endpoint, instead of its name's")


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("use a number of seconds above 0")
    return value
