"""The course of a stampede: started, each region's share claimed and finished, settled.

Nobody has to watch. The last region to finish settles the stampede; when a region's worker has
died, or never came, whoever looks next does (`settle`, once the region's sign of life is stale).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sales.models import Stampede, StampedeRegion, StampedeState
from sales.stampede.buyers import describe
from sales.stampede.contenders import Contender, contender_named, run_of
from sales.stampede.evidence import dump_found
from sales.stampede.report import build_report
from worldseat.dsql.occ import occ_retry

__all__ = [
    "SETTLED",
    "STALE_AFTER",
    "beat",
    "claim_share",
    "finish_share",
    "prepare_stampede",
    "settle",
    "start_stampede",
    "stop_stampede",
]

logger = logging.getLogger(__name__)

SETTLED = frozenset({StampedeState.FINISHED, StampedeState.INCOMPLETE, StampedeState.STOPPED})

# A region gives a sign of life each second; so long without one, its worker is taken for dead.
# Long, since a process with many buyers on a busy machine may be slow to give it.
STALE_AFTER = timedelta(seconds=15)
# A plan that nobody started: its tasks were never sent, or no worker came.
_FORGOTTEN_AFTER = timedelta(seconds=60)


def prepare_stampede(*, stampede_id: UUID) -> None:
    """Make the store that a stampede's contender sells from, if it has one of its own."""
    planned = Stampede.objects.select_related("event").filter(state=StampedeState.PLANNED)
    if stampede := planned.filter(pk=stampede_id).first():
        contender_named(stampede.contender).prepare(run_of(stampede))


@occ_retry(repeatable=True)
def start_stampede(*, stampede_id: UUID, now: datetime) -> list[str]:
    """Begin a stampede; return the regions that take part, to be sent their shares.

    Returns none if it has been begun already, by another call, or is gone.
    """
    stampede = Stampede.objects.filter(pk=stampede_id).first()
    if stampede is None:
        return []
    if stampede.state == StampedeState.PLANNED and stampede.stop_at is None:
        stampede.state, stampede.called_at = StampedeState.RUNNING, now
        stampede.save(update_fields=["state", "called_at"])
    if stampede.state != StampedeState.RUNNING or stampede.called_at != now:
        return []
    return list(stampede.regions.order_by("region").values_list("region", flat=True))


@occ_retry(repeatable=True)
def claim_share(
    *, stampede_id: UUID, region: str, worker: str, now: datetime
) -> StampedeRegion | None:
    """Take a region's share for one worker, a name no other run has, or return None.

    None: another run has it (the broker may deliver a task twice), or the stampede is over.
    """
    shares = StampedeRegion.objects.select_related("stampede")
    share = shares.filter(stampede_id=stampede_id, region=region).first()
    if share is None or share.stampede.state != StampedeState.RUNNING:
        return None
    if not share.worker:
        share.worker, share.started_at, share.seen_at = worker, now, now
        share.save(update_fields=["worker", "started_at", "seen_at"])
    return share if share.worker == worker else None


@occ_retry(repeatable=True)
def beat(*, share_id: UUID, now: datetime) -> bool:
    """Give a region's sign of life; return whether its buyers are to go on."""
    StampedeRegion.objects.filter(pk=share_id).update(seen_at=now)
    return Stampede.objects.filter(regions=share_id, stop_at=None).exists()


@occ_retry(repeatable=True)
def stop_stampede(*, stampede_id: UUID, now: datetime) -> Stampede | None:
    """Ask a stampede to stop: no further buyer begins. None: there is no such stampede.

    Its regions hear of it with their next sign of life, and settle it. One that is over stays
    as it is.
    """
    stampede = Stampede.objects.filter(pk=stampede_id).first()
    if stampede and stampede.state not in SETTLED and stampede.stop_at is None:
        stampede.stop_at = now
        stampede.save(update_fields=["stop_at"])
    return stampede


@occ_retry(repeatable=True)
def finish_share(*, share_id: UUID, now: datetime) -> None:
    """Note that every attempt of a region's share has its outcome recorded."""
    StampedeRegion.objects.filter(pk=share_id).update(finished_at=now, seen_at=now)


def settle(*, stampede_id: UUID, now: datetime) -> Stampede | None:
    """Write the report if the stampede is over, and return the stampede as it stands then.

    It is over when each region has finished (FINISHED, or STOPPED where somebody asked for it),
    or has finished or is lost (INCOMPLETE). May be called by anybody, at any time, as often as
    they like; a region that was taken for dead and finishes after all gets the report made anew.
    A contender's own store is read before, and dropped after. None: the stampede is gone.
    """
    stampede = Stampede.objects.select_related("event").filter(pk=stampede_id).first()
    # These are for good: who watches pays one read for it, and no transaction.
    if stampede is None or stampede.state in _FOR_GOOD:
        return stampede
    shares = list(stampede.regions.order_by("region"))
    state = _state_at(stampede, shares, now)
    if state not in SETTLED or _is_reported(stampede, shares, state):
        return stampede
    contender = contender_named(stampede.contender)
    found = None if contender.sells_product else _look(contender, stampede)
    settled = _settle(stampede_id, now, found)
    if settled and settled.state in _FOR_GOOD and not contender.sells_product:
        _drop(contender, settled)
    return settled


_FOR_GOOD = (StampedeState.FINISHED, StampedeState.STOPPED)


def _look(contender: Contender, stampede: Stampede) -> dict[str, Any]:
    """Read a contender's own store; what was read before counts when it cannot be."""
    if stampede.called_at is None:
        return {"seats": {}, "tickets": []}  # it was never made
    try:
        found = contender.look(run_of(stampede))
    except Exception as error:
        logger.warning("The store of stampede %s: %s", stampede.pk, error)
        kept: dict[str, Any] | None = stampede.found
        return kept or {"unreadable": describe(error)}
    return dump_found(found.seats, found.tickets, found.books) if found else {}


def _drop(contender: Contender, stampede: Stampede) -> None:
    try:
        contender.drop(run_of(stampede))
    except Exception as error:
        # The next one drops what is left.
        logger.warning("The store of stampede %s stays: %s", stampede.pk, error)


@occ_retry(repeatable=True)
def _settle(stampede_id: UUID, now: datetime, found: dict[str, Any] | None) -> Stampede | None:
    stampede = Stampede.objects.select_related("event", "seat").filter(pk=stampede_id).first()
    if stampede is None:
        return None
    shares = list(stampede.regions.order_by("region"))
    state = _state_at(stampede, shares, now)
    if state not in SETTLED or _is_reported(stampede, shares, state):
        return stampede
    stampede.state, stampede.finished_at, stampede.found = state, now, found
    stampede.report = build_report(stampede, shares)
    stampede.save(update_fields=["state", "finished_at", "found", "report"])
    return stampede


def _state_at(stampede: Stampede, shares: Sequence[StampedeRegion], now: datetime) -> str:
    if stampede.state in _FOR_GOOD:
        return stampede.state
    if shares and all(share.finished_at for share in shares):
        return StampedeState.STOPPED if stampede.stop_at else StampedeState.FINISHED
    if stampede.called_at is None:
        if stampede.stop_at:
            return StampedeState.STOPPED
        forgotten = stampede.created_at + _FORGOTTEN_AFTER < now
        return StampedeState.INCOMPLETE if forgotten else stampede.state
    called_at = stampede.called_at
    if all(share.finished_at or _is_lost(share, called_at, now) for share in shares):
        return StampedeState.INCOMPLETE
    return stampede.state


def _is_lost(share: StampedeRegion, called_at: datetime, now: datetime) -> bool:
    return (share.seen_at or called_at) + STALE_AFTER < now


def _is_reported(stampede: Stampede, shares: Sequence[StampedeRegion], state: str) -> bool:
    """Tell whether the report is there, and no region finished after it was made."""
    if stampede.state != state or stampede.report is None:
        return False
    told = stampede.report["regions"]
    return all(told[share.region]["finished"] == bool(share.finished_at) for share in shares)
