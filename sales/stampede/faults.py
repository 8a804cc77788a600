"""Faults of the local endpoints while a stampede runs: set at the start, ended whatever happens.

`--fault` takes one, `REGION:` before it where only that region is to have it:

    conflicts=3            the next three COMMITs answer OC000
    conflict-share=0.3     three in ten
    lost-commits=3         three COMMITs lose their connection, though they are stored
    lost-commit-share=0.05 one in twenty
    latency-ms=20          between client and region, each round trip
    commit-latency-ms=30   between the regions, each COMMIT
    cut=1.5+3              1.5 s after the start the region is cut off, for 3 s
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import Error, connection
from django.utils import timezone

from accounts.scopes import everywhere
from sales.models import Stampede, StampedeState

__all__ = [
    "BadFault",
    "Fault",
    "clear_faults",
    "during",
    "end_faults",
    "has_faults",
    "parse_fault",
]

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.05
_ACTIVE = (StampedeState.PLANNED, StampedeState.RUNNING)
# `--fault` name -> the endpoint's name, what the number is divided by, whether it is whole.
_FAULTS = {
    "conflicts": ("conflicts", 1, True),
    "conflict-share": ("conflict_share", 1, False),
    "lost-commits": ("cut_after_commit", 1, True),
    "lost-commit-share": ("cut_share", 1, False),
    "latency-ms": ("latency", 1000, False),
    "commit-latency-ms": ("commit_latency", 1000, False),
}


class BadFault(ValueError):
    """A `--fault` that there is not, or with a value that it does not take."""


@dataclass(frozen=True)
class Fault:
    """A fault: `settings` of the endpoint, from `begin` to `end` seconds after the start.

    `region` empty: of all regions. `end` None: until the stampede is over.
    """

    region: str
    settings: Mapping[str, Any]
    begin: float = 0.0
    end: float | None = None


def parse_fault(text: str, regions: Sequence[str]) -> Fault:
    """Return the fault that a text names; raises BadFault."""
    region, _, rest = text.rpartition(":")
    name, _, value = rest.partition("=")
    if region and region not in regions:
        raise BadFault(f"{text!r}: there is no region {region!r}; use {', '.join(regions)}.")
    try:
        if name == "cut":
            begin, _, lasts = value.partition("+")
            if not region:
                raise BadFault(f"{text!r}: say which region, as {regions[-1]}:{rest}.")
            return Fault(region, {"down": "cut"}, float(begin), float(begin) + float(lasts or "2"))
        field, divisor, whole = _FAULTS[name]
        number: float = int(value) if whole else float(value) / divisor
    except (KeyError, ValueError) as error:
        if isinstance(error, BadFault):
            raise
        names = ", ".join([*_FAULTS, "cut"])
        raise BadFault(f"{text!r}: use {names}, with a number, as in conflicts=3.") from None
    if number < 0 or ("share" in name and number > 1):
        raise BadFault(f"{text!r}: out of range.")
    return Fault(region, {field: number})


@contextlib.contextmanager
def during(
    stampede_id: UUID, faults: Sequence[Fault], controls: Mapping[str, Any], *, seed: int
) -> Iterator[None]:
    """Have faults happen from the stampede's agreed instant on, until the block is left.

    `controls` are the endpoints' worldseat.local.endpoint.control.Control, by region.
    """
    if not faults:
        yield
        return
    over = threading.Event()
    driver = threading.Thread(
        target=_drive, args=(stampede_id, faults, controls, seed, over), daemon=True
    )
    driver.start()
    try:
        yield
    finally:
        over.set()
        driver.join()
        clear_faults(controls)


def clear_faults(controls: Mapping[str, Any]) -> None:
    """End the faults of all regions."""
    for region, control in controls.items():
        try:
            control.clear()
        except Exception as error:
            logger.warning("The faults of %s may go on: %s", region, error)


def end_faults(stampede: Stampede, find_controls: Callable[[Sequence[str]], Any]) -> None:
    """End the faults of a stampede that is over, in case its command was killed.

    Unless another one has faults by now: those are its own. `find_controls` returns the controls
    of some regions.
    """
    others = Stampede.objects.filter(state__in=_ACTIVE).exclude(pk=stampede.pk)
    if stampede.options.get("faults") and not any(has_faults(each) for each in others):
        clear_faults(find_controls(list(stampede.regions.values_list("region", flat=True))))


def has_faults(stampede: Stampede) -> bool:
    """Tell whether a stampede was planned with faults."""
    return bool(stampede.options.get("faults"))


@everywhere()
def _drive(
    stampede_id: UUID,
    faults: Sequence[Fault],
    controls: Mapping[str, Any],
    seed: int,
    over: threading.Event,
) -> None:
    try:
        start = _wait_for_start(stampede_id, over)
        if start is None:
            return
        for control in controls.values():
            control.set(seed=seed)
        changes = sorted(_changes(faults, controls), key=lambda change: change[0])
        for at, region, settings in changes:
            left = at - (timezone.now() - start).total_seconds()
            if over.wait(max(0.0, left)):
                return
            controls[region].set(**settings)
    except Exception:
        logger.exception("The faults of stampede %s", stampede_id)
    finally:
        connection.close()


def _changes(
    faults: Sequence[Fault], controls: Mapping[str, Any]
) -> Iterator[tuple[float, str, Mapping[str, Any]]]:
    for fault in faults:
        for region in [fault.region] if fault.region else controls:
            yield fault.begin, region, fault.settings
            if fault.end is not None:
                yield fault.end, region, {"down": ""}


def _wait_for_start(stampede_id: UUID, over: threading.Event) -> datetime | None:
    """Return the agreed instant once it is; None if the stampede is over before."""
    while not over.wait(_LOOK_SECONDS):
        with contextlib.suppress(Error):
            found = Stampede.objects.filter(pk=stampede_id).values_list("starts_at", flat=True)
            if start := found.first():
                return start
    return None
