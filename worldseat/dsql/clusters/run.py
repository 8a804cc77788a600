"""The seven actions of `manage.py dsql_cluster`: look, do, and say what became of it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from worldseat.dsql.clusters import control, policy
from worldseat.dsql.clusters.creation import create_pair
from worldseat.dsql.clusters.deletion import NotConfirmed, delete_pair, needs_confirmation
from worldseat.dsql.clusters.environment import database_url, write_settings
from worldseat.dsql.clusters.failures import (
    AccessDenied,
    BadCredentials,
    ClusterError,
    NoCredentials,
)
from worldseat.dsql.clusters.observation import Sighting, observe
from worldseat.dsql.clusters.pair import BadPair, Pair
from worldseat.dsql.clusters.patience import Patience
from worldseat.dsql.clusters.plan import describe, plan_creation
from worldseat.dsql.clusters.role import Grant, admin_connection, grant_role
from worldseat.dsql.clusters.terminal import Terminal, as_data
from worldseat.dsql.clusters.waiting import wait_until_gone, wait_until_ready

__all__ = ["Run"]

NOT_FINISHED = 3


class Run:
    """One run of the command. options: as the command's parser names them."""

    def __init__(self, terminal: Terminal, options: dict[str, Any]) -> None:
        self.terminal = terminal
        self.options = options
        self.connect = cache(partial(control.connect, profile=options["profile"]))
        self.patience = Patience(
            seconds=options.get("timeout", 900),
            every=options.get("poll", 2),
            on_trouble=lambda error: terminal.note(f"{error.what} Trying again."),
        )

    def perform(self) -> None:
        """Do what the action says."""
        actions: dict[str, Callable[[], None]] = {
            "plan": self.plan,
            "create": self.create,
            "status": self.status,
            "wait": self.wait,
            "policy": self.policy,
            "grant": self.grant,
            "delete": self.delete,
        }
        actions[self.options["action"]]()

    def observe(self) -> Sighting:
        """Look for the pair in AWS."""
        return self.patience.briefly().call(partial(observe, self.pair(), self.connect))

    def observe_if_allowed(self) -> Sighting:
        """Look for the pair; who has no permission yet needs the policy to get it."""
        try:
            return self.observe()
        except (AccessDenied, BadCredentials, NoCredentials) as error:
            if not self.options["account"]:
                raise
            self.terminal.note(f"{error.what} So this takes the clusters not to exist yet.")
            return Sighting(self.pair(), {})

    def pair(self) -> Pair:
        """Read the pair from the options."""
        regions = [each.strip() for each in self.options["regions"].split(",")]
        if len(regions) != 2:
            raise BadPair(
                f"A pair has two regions, not {len(regions)}: {', '.join(regions)}.",
                todo="Name them as --regions us-east-1,us-east-2.",
            )
        return Pair(
            name=self.options["name"],
            regions=(regions[0], regions[1]),
            witness=self.options.get("witness"),
            accepted=self.options["accept_region"],
        )

    def plan(self) -> None:
        """Show what is left to do."""
        seen = self.observe()
        steps = describe(seen.pair, plan_creation(seen, protected=not self.options["unprotected"]))
        self.terminal.result(
            {"ok": True, **as_data(seen), "steps": steps},
            self.terminal.table(seen),
            "Nothing was changed. `create` would:",
            *(f"  {number}. {step}" for number, step in enumerate(steps, 1)),
        )

    def create(self) -> None:
        """Make the pair and write its settings."""
        role = self.options["role"]
        seen = create_pair(
            self.observe(),
            connect=self.connect,
            patience=self.patience,
            tell=self.terminal.tell,
            protected=not self.options["unprotected"],
            wait=not self.options["no_wait"],
        )
        written = [] if self.options["no_env"] else self.write_settings(seen, role)
        first = next(iter(seen))
        self.terminal.result(
            {"ok": True, **as_data(seen), "changed": self.terminal.changed, "settings": written},
            self.terminal.table(seen),
            *written,
            f"Next: migrate as admin (DATABASE_URL='{database_url(first, role='admin')}'), then "
            f"`manage.py dsql_cluster grant --iam ARN`.",
        )

    def write_settings(self, seen: Sighting, role: str) -> list[str]:
        """Write the settings of both regions; return what became of each file."""
        folder = self.options["env_dir"]
        try:
            return [str(each) for each in write_settings(seen, folder=folder, role=role)]
        except (OSError, UnicodeError) as error:
            raise ClusterError(
                f"The pair is made, but its settings could not be written: {error}.",
                todo="Run the same command again with an --env-dir that can be written to.",
            ) from error

    def status(self) -> None:
        """Show the pair; exit code 3 while it is not ready."""
        seen = self.observe()
        self.terminal.result(
            {"ok": True, **as_data(seen)}, self.terminal.table(seen), *_remarks(seen)
        )
        if not seen.ready:
            sys.exit(NOT_FINISHED)

    def wait(self) -> None:
        """Wait until the pair is ready, or gone."""
        seen = self.observe()
        if self.options["goal"] == "deleted":
            wait_until_gone(
                seen, connect=self.connect, patience=self.patience, tell=self.terminal.tell
            )
            self.terminal.result({"ok": True, "pair": seen.pair.name}, "Both clusters are gone.")
            return
        seen = wait_until_ready(
            seen, connect=self.connect, patience=self.patience, tell=self.terminal.tell
        )
        self.terminal.result({"ok": True, **as_data(seen)}, self.terminal.table(seen))

    def policy(self) -> None:
        """Print one policy document, or all that can be written now."""
        seen = self.observe_if_allowed()
        witness = self.options["witness"] or next((each.witness for each in seen), None)
        account = self.options["account"] or next((each.account for each in seen), None)
        write = partial(
            policy.least_policy,
            seen=seen,
            account=account or control.account(self.options["profile"]),
            witness=witness,
        )
        if self.options["audience"]:
            document = write(self.options["audience"])
        else:
            audiences = policy.AUDIENCES if seen.complete else ("setup",)
            document = {audience: write(audience) for audience in audiences}
        if witness is None:
            self.terminal.note("No witness is known: give --witness to allow choosing it.")
        if not seen.complete:
            self.terminal.note("Run it again after `create`: then it names the exact ARNs.")
        self.terminal.as_json = True  # a policy is JSON for people, too
        self.terminal.result(document)

    def grant(self) -> None:
        """Set up the application's database role, in one region: both are one database."""
        grant = Grant(
            role=self.options["role"], iam=self.options["iam"], schema=self.options["schema"]
        )
        cluster = next(iter(self.observe_connectable()))
        grant_role(
            grant,
            connect=partial(
                admin_connection,
                cluster,
                profile=self.options["profile"],
                hostaddr=self.options["hostaddr"],
            ),
            patience=self.patience,
            tell=self.terminal.tell,
        )
        self.terminal.result(
            {"ok": True, "role": grant.role, "iam": grant.iam, "changed": self.terminal.changed},
            f"{grant.iam} connects as {grant.role}. Run it again after each `migrate`: DSQL has "
            f"no default privileges for new tables.",
        )

    def observe_connectable(self) -> Sighting:
        """Look for a pair that takes connections; a sleeping one does, it wakes at the first."""
        seen = self.observe()
        if seen.connectable:
            return seen
        return wait_until_ready(
            seen, connect=self.connect, patience=self.patience, tell=self.terminal.tell
        )

    def delete(self) -> None:
        """Delete both clusters, after the ids of protected ones were typed."""
        seen = self.observe()
        if not seen.clusters:
            self.terminal.result(
                {"ok": True, "pair": seen.pair.name, "changed": []},
                f"There is no cluster of the pair {seen.pair.name!r}; nothing was changed.",
            )
            return
        delete_pair(
            seen,
            confirmed=self.confirmations(seen),
            connect=self.connect,
            patience=self.patience,
            tell=self.terminal.tell,
            wait=not self.options["no_wait"],
        )
        self.terminal.result(
            {"ok": True, "pair": seen.pair.name, "changed": self.terminal.changed},
            f"The pair {seen.pair.name!r} is "
            + ("being deleted." if self.options["no_wait"] else "deleted."),
            "Settings files that name it are left as they are.",
        )

    def confirmations(self, seen: Sighting) -> list[str]:
        """Return the ids that were given or are typed now; ask before deleting anything at all.

        Raises NotConfirmed for clusters without protection; `delete_pair` does for the others.
        """
        confirmed = list(self.options["confirm"])
        asking = sys.stdin.isatty() and not self.options["as_json"]
        protected = needs_confirmation(seen)
        for cluster in protected:
            if cluster.id not in confirmed and asking:
                confirmed.append(
                    _answer(f"{cluster.arn} is protected. Type its id to delete it for ever: ")
                )
        open_ones = [
            each
            for each in seen
            if not (each.is_leaving or each in protected or each.id in confirmed)
        ]
        if open_ones and not self.options["yes"]:
            ids = tuple(each.id for each in open_ones)
            named = " and ".join(each.arn for each in open_ones)
            if not asking or _answer(f"Delete {named} with all data? [yes/no] ") != "yes":
                raise NotConfirmed(
                    f"The deletion of {', '.join(ids)} was not confirmed.",
                    todo="Run it again with --yes.",
                    ids=ids,
                )
        return confirmed


def _answer(question: str) -> str:
    try:
        return input(question).strip()
    except EOFError:
        return ""


def _remarks(seen: Sighting) -> list[str]:
    remarks = []
    if not seen.clusters:
        remarks.append(f"There is no cluster with the tag of the pair {seen.pair.name!r}.")
    if seen.clusters and (seen.unnamed or not seen.complete):
        remarks.append(
            "Both stay PENDING_SETUP until each names the other: `create` finishes the pair."
        )
    for region, hidden in (seen.unreadable or {}).items():
        remarks.append(f"IAM hides {len(hidden)} clusters in {region} (dsql:GetCluster).")
    return remarks
