"""How `manage.py dsql_cluster` shows its work: lines and a live status, or JSON for programs."""

from __future__ import annotations

import json
from typing import Any, TextIO

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from worldseat.dsql.clusters.control import region_of
from worldseat.dsql.clusters.deletion import NotConfirmed
from worldseat.dsql.clusters.failures import AccessDenied, ClusterError
from worldseat.dsql.clusters.observation import Event, Sighting

__all__ = ["Terminal", "as_data"]


class Terminal:
    """What a run has to say. Progress goes to `err`; `out` gets the result alone.

    changed: what this run has changed in AWS so far, in order.
    """

    def __init__(self, *, out: TextIO, err: TextIO, as_json: bool) -> None:
        self.as_json = as_json
        self.changed: list[str] = []
        self._out = out
        self._console = Console(file=err, highlight=False, soft_wrap=True)
        self._progress: Progress | None = None
        self._last_line = ""

    def __enter__(self) -> Terminal:
        """Begin to show progress."""
        return self

    def __exit__(self, *_: object) -> None:
        """Take the live line away."""
        self._end_live()

    def _end_live(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def tell(self, event: Event) -> None:
        """Show one event: a line that stays, or the live one that says how far AWS is."""
        if event.changed:
            self.changed.append(event.text)
        line = event.text
        if event.statuses is not None:
            states = ", ".join(f"{region} {state}" for region, state in event.statuses.items())
            line = f"{event.text}: {states}"
        if event.statuses is not None and self._console.is_terminal:
            self._live(line)
        else:
            self.note(line)

    def _live(self, line: str) -> None:
        if self._progress is None:
            self._progress = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                TimeElapsedColumn(),
                console=self._console,
                transient=True,
            )
            self._progress.add_task(line, total=None)
            self._progress.start()
        self._progress.update(self._progress.task_ids[0], description=line)

    def note(self, text: str) -> None:
        """Say something beside the result; once, when it comes again and again."""
        if text != self._last_line:
            self._last_line = text
            self._console.print(text, markup=False)

    def result(self, data: dict[str, Any], *lines: str) -> None:
        """Give the result: data for programs, lines for people."""
        self._end_live()
        text = json.dumps(data, indent=2) if self.as_json else "\n".join(lines)
        self._out.write(f"{text}\n")

    def table(self, seen: Sighting) -> str:
        """Draw the pair as a table."""
        table = Table("region", "status", "cluster", "protected", "witness", "names as its peer")
        for region, status in seen.statuses().items():
            cluster = seen.clusters.get(region)
            if cluster is None:
                table.add_row(region, "-", "none", "", "", "")
                continue
            peers = "\n".join(
                f"{region_of(arn)} {arn.rpartition('/')[2]}{' (deleted)' * (arn in seen.gone)}"
                for arn in cluster.peers
            )
            protected = "yes" if cluster.protected else "no"
            table.add_row(
                region, status, cluster.id, protected, cluster.witness or "-", peers or "nobody"
            )
        console = Console(width=120, color_system=None)
        with console.capture() as captured:
            console.print(table)
        return captured.get().rstrip()

    def failure(self, error: ClusterError) -> str:
        """Say an error: what happened, what was changed, and what to do."""
        error.done = error.done or tuple(self.changed)
        if self.as_json:
            self.result({"ok": False, "error": _error_data(error)})
        changed = (
            "Changed before that:\n" + "\n".join(f"  - {each}" for each in error.done)
            if error.done
            else "Nothing was changed."
        )
        return f"{error.what}\n{changed}\n{error.todo}"


def as_data(seen: Sighting) -> dict[str, Any]:
    """Return a pair as JSON types. clusters: in the order of the regions; None where none is."""
    return {
        "pair": seen.pair.name,
        "ready": seen.ready,
        "clusters": {
            region: _cluster_data(seen, region) if region in seen.clusters else None
            for region in seen.pair.regions
        },
        "peers_deleted": sorted(seen.gone),
    }


def _cluster_data(seen: Sighting, region: str) -> dict[str, Any]:
    cluster = seen.clusters[region]
    return {
        "id": cluster.id,
        "arn": cluster.arn,
        "status": cluster.status,
        "endpoint": cluster.endpoint,
        "created": cluster.created.isoformat(),
        "deletion_protection": cluster.protected,
        "witness": cluster.witness,
        "peers": list(cluster.peers),
    }


def _error_data(error: ClusterError) -> dict[str, Any]:
    data = {
        "kind": error.kind,
        "what": error.what,
        "changed": list(error.done),
        "todo": error.todo,
        "exit_code": error.exit_code,
    }
    if isinstance(error, AccessDenied):
        data["actions"] = list(error.actions)
    if isinstance(error, NotConfirmed):
        data["ids"] = list(error.ids)
    return data
