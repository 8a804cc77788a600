"""The settings of each region, as a file of environment variables."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from worldseat.dsql.clusters.control import Cluster
from worldseat.dsql.clusters.observation import Sighting

__all__ = ["Written", "database_url", "write_settings"]

PRIVATE = 0o600

# What is made here, and its random bytes: a session, or a ticket, of one region is good in the
# other.
SECRETS = {"SECRET_KEY": 50, "TICKET_KEYS": 32}


@dataclass(frozen=True)
class Written:
    """What became of one file. changed: `NAME: old -> new` for what an existing file had."""

    path: Path
    created: bool
    changed: tuple[str, ...]
    backup: Path | None

    def __str__(self) -> str:
        """Say it in a line."""
        if self.created:
            return f"wrote {self.path}"
        if not self.changed:
            return f"{self.path} was right already"
        return f"changed {self.path} ({'; '.join(self.changed)}); what was there is {self.backup}"


def database_url(cluster: Cluster, *, role: str) -> str:
    """Return DATABASE_URL for a role at a cluster's endpoint."""
    return f"dsql://{quote(role)}@{cluster.endpoint}/postgres?region={cluster.region}"


def write_settings(seen: Sighting, *, folder: Path, role: str) -> list[Written]:
    """Write `<region>.env` for each region, readable by its owner alone.

    A file that exists keeps every line that is not ours, and what it was is kept beside it.
    SECRETS are made once and are the same in both; one that is there already is kept.
    Raises OSError, UnicodeError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = {each.region: folder / f"{each.region}.env" for each in seen}
    known = [_parse(path.read_text()) for path in paths.values() if path.exists()]
    shared = {
        name: next(filter(None, (each.get(name) for each in known)), secrets.token_urlsafe(length))
        for name, length in SECRETS.items()
    }
    return [_write(paths[each.region], _values(each, seen, role=role), shared) for each in seen]


def _values(cluster: Cluster, seen: Sighting, *, role: str) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url(cluster, role=role),
        "WORLDSEAT_REGION": cluster.region,
        "WORLDSEAT_REGIONS": ",".join(seen.pair.regions),
    }


def _parse(text: str) -> dict[str, str]:
    pairs = (line.split("=", 1) for line in text.splitlines() if not line.startswith("#"))
    return {pair[0].strip(): pair[1].strip() for pair in pairs if len(pair) == 2}


def _write(path: Path, values: Mapping[str, str], shared: Mapping[str, str]) -> Written:
    if not path.exists():
        _replace(path, _fresh(values, shared))
        return Written(path, created=True, changed=(), backup=None)
    text = path.read_text()
    had = _parse(text)
    missing = {name: each for name, each in shared.items() if not had.get(name)}
    wanted = {**values, **missing}
    changed = tuple(
        f"{name}: {_shown(name, had.get(name))} -> {_shown(name, value)}"
        for name, value in wanted.items()
        if had.get(name) != value
    )
    if not changed:
        path.chmod(PRIVATE)
        return Written(path, created=False, changed=(), backup=None)
    backup = _unused(path.with_name(f"{path.name}.before"))
    _replace(backup, text)
    _replace(path, _merged(text, wanted))
    return Written(path, created=False, changed=changed, backup=backup)


def _unused(path: Path) -> Path:
    names = (path, *(path.with_name(f"{path.name}-{number}") for number in range(2, 1000)))
    return next(each for each in names if not each.exists())


def _shown(name: str, value: str | None) -> str:
    if value is None:
        return "(not set)"
    return "(a new secret)" if name in SECRETS else value


def _fresh(values: Mapping[str, str], shared: Mapping[str, str]) -> str:
    lines = [f"{name}={value}" for name, value in {**values, **shared}.items()]
    same = " and ".join(shared)
    return "\n".join(
        [
            f"# Written by `manage.py dsql_cluster`. The same {same} belong in every region.",
            *lines,
            "# Still yours to set: the region's Valkey or Redis, and the names it is reached by.",
            "# REDIS_URL=rediss://...",
            "# ALLOWED_HOSTS=tickets.example.com",
            "",
        ]
    )


def _merged(text: str, wanted: Mapping[str, str]) -> str:
    left = dict(wanted)
    lines = []
    for line in text.splitlines():
        name = line.split("=", 1)[0].strip()
        if "=" in line and name in wanted:
            if name in left:
                lines.append(f"{name}={left.pop(name)}")
            continue  # a second line of the same name would win over the first
        lines.append(line)
    return "\n".join([*lines, *(f"{name}={value}" for name, value in left.items()), ""])


def _replace(path: Path, text: str) -> None:
    """Write a file as a whole or not at all, never readable by others."""
    # mkstemp makes files that only the owner reads.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
