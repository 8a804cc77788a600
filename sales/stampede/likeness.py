"""Which runs may stand side by side: those that differ in their contender and in chance alone."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import Any

from sales.models import Shape, Stampede
from sales.stampede.options import Options, options_of

__all__ = ["alike", "command_of"]

# What two runs that are compared may differ in.
_FREE = frozenset({"contender", "seed", "addresses"})


def alike(one: Stampede, runs: Iterable[Stampede]) -> list[Stampede]:
    """Keep the runs that were asked for as `one` was, but for the contender and the seed.

    Load the runs with their `regions`.
    """
    wanted = _likeness(one)
    return [run for run in runs if _likeness(run) == wanted]


def _likeness(run: Stampede) -> tuple[Any, ...]:
    options = options_of(run).as_dict()
    fixed = tuple(sorted((name, repr(options[name])) for name in options.keys() - _FREE))
    return (run.buyers, tuple(sorted(share.region for share in run.regions.all())), fixed)


def command_of(run: Stampede) -> str:
    """Return the command that plans the same run again, at a new event of its own."""
    options, usual = options_of(run), Options()
    words = ["manage.py", "stampede", "--contender", run.contender, "--buyers", str(run.buyers)]
    words += ["--regions", ",".join(_shares(run, options)), "--seed", str(options.seed)]
    if run.shape != Shape.ONE_SEAT:
        words += ["--shape", run.shape]
    for name in ("think_ms", "rush_ms", "lag_ms"):
        if getattr(options, name) != getattr(usual, name):
            words += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
    if options.waiting_room:
        words += ["--waiting-room", str(options.waiting_room)]
    for fault in options.faults:
        words += ["--fault", fault]
    return shlex.join([*words, "--aws"] if options.aws else words)


def _shares(run: Stampede, options: Options) -> list[str]:
    regions = sorted(share.region for share in run.regions.all())
    return [
        f"{region}={options.shares[region]:g}" if region in options.shares else region
        for region in regions
    ]
