"""Faults on demand: what tests and stampedes make go wrong."""

import asyncio
import random
from dataclasses import dataclass, field, fields
from time import monotonic
from typing import Any

from worldseat.local.endpoint.transaction import Conflict
from worldseat.local.endpoint.wire import Refusal

_LOOK_SECONDS = 0.05


class ConnectionCut(Exception):
    """The connection is to break now, without a word."""


@dataclass
class Faults:
    """What is to go wrong. All off at first; the control API sets the fields by their names.

    conflicts         the next so many COMMITs of writers answer OC000
    conflict_share    this share (0..1) of the COMMITs of writers answers OC000, drawn with `seed`
    cut_before_commit the next so many COMMITs of writers lose the connection before PostgreSQL
                      hears of them: nothing is stored
    cut_after_commit  the next so many lose it after PostgreSQL has committed, before the answer
    cut_share         this share (0..1) loses it so, drawn with `seed`
    latency           seconds between a client and the region, added once to each round trip
    commit_latency    seconds between the regions, added to each COMMIT of a writer
    down              "" (up), "cut" (connections are cut and refused) or "hang" (nothing answers)
    too_many          the next so many connections are refused with 53300
    rate              the next so many connections are refused with 53400
    waking            the next so many connections are told that the cluster is waking up
    """

    conflicts: int = 0
    conflict_share: float = 0.0
    seed: int | None = None
    cut_before_commit: int = 0
    cut_after_commit: int = 0
    cut_share: float = 0.0
    latency: float = 0.0
    commit_latency: float = 0.0
    down: str = ""
    too_many: int = 0
    rate: int = 0
    waking: int = 0
    _random: random.Random = field(default_factory=random.Random, repr=False)

    def set(self, changes: dict[str, Any]) -> None:
        """Change some fields; raises ValueError on an unknown one or a value of a wrong type."""
        known = {f.name: f for f in fields(self) if not f.name.startswith("_")}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"no fault {name!r}; there are {', '.join(known)}")
            if not _fits(name, value):
                raise ValueError(f"{value!r} is no value of the fault {name!r}")
        for name, value in changes.items():
            setattr(self, name, value)
        if "seed" in changes:
            # Chance for a test, to be repeated: no secret.
            self._random = random.Random(self.seed)  # noqa: S311

    def clear(self) -> None:
        """End all faults, also for those who wait for one."""
        vars(self).update(vars(Faults()))

    def describe(self) -> dict[str, Any]:
        """Return the fields as they stand; counts go down as faults happen."""
        return {f.name: getattr(self, f.name) for f in fields(self) if not f.name.startswith("_")}

    def _take(self, name: str) -> bool:
        left = getattr(self, name)
        setattr(self, name, max(0, left - 1))
        return bool(left)

    def at_connect(self) -> None:
        """Raise Refusal where a connection is to be refused."""
        if self._take("too_many"):
            raise Refusal("53300", "unable to accept connection, too many open connections")
        if self._take("rate"):
            raise Refusal("53400", "unable to accept connection, rate exceeded")
        if self._take("waking"):
            raise Refusal(
                "57P03", "unable to accept connection, waking up cluster, please retry later"
            )

    async def wait(self, latency: str) -> None:
        """Wait a latency, by its name; it ends at once where it is taken away meanwhile."""
        begun = monotonic()
        while (left := begun + getattr(self, latency) - monotonic()) > 0:
            await asyncio.sleep(min(left, _LOOK_SECONDS))

    async def before_commit(self) -> None:
        """Raise Conflict or ConnectionCut where a writer's COMMIT is to fail; wait the latency."""
        await self.wait("commit_latency")
        if self._take("cut_before_commit"):
            raise ConnectionCut
        if self._take("conflicts"):
            raise Conflict
        if self._strikes(self.conflict_share):
            raise Conflict

    def _strikes(self, share: float) -> bool:
        return bool(share) and self._random.random() < share

    def after_commit(self) -> None:
        """Raise ConnectionCut where the answer to a COMMIT is to get lost."""
        if self._take("cut_after_commit") or self._strikes(self.cut_share):
            raise ConnectionCut


def _fits(name: str, value: object) -> bool:
    if name == "down":
        return value in ("", "cut", "hang")
    if name == "seed":
        return value is None or isinstance(value, int)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        return False
    if name in ("conflict_share", "cut_share"):
        return value <= 1
    return name.endswith("latency") or isinstance(value, int)
