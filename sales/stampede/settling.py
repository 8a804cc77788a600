"""The course of a stampede: started, each region's share claimed and finished, settled.

Nobody has to watch. The last region to finish settles the stampede; when a region's worker has
died, or never came, whoever looks next does (`settle`, once the region's sign of life is stale).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sales.models import Stampede, StampedeRegion, StampedeState
from sales.stampede.report import build_report
from worldseat.dsql.occ import occ_retry

__all__ = [
    "SETTLED",
    "STALE_AFTER",
    "beat",
    "claim_share",
    "finish_share",
    "settle",
    "start_stampede",
]

SETTLED = frozenset({StampedeState.FINISHED, StampedeState.INCOMPLETE})

# A region gives a sign of life each second; so long without one, its worker is taken for dead.
# Long, since a process with many buyers on a busy machine may be slow to give it.
STALE_AFTER = timedelta(seconds=15)
# A plan that nobody started: its tasks were never sent, or no worker came.
_FORGOTTEN_AFTER = timedelta(seconds=60)


@occ_retry(repeatable=True)
def start_stampede(*, stampede_id: UUID, now: datetime) -> list[str]:
    """Begin a stampede; return the regions that take part, to be sent their shares.

    Returns none if it has been begun already, by another call, or is gone.
    """
    stampede = Stampede.objects.filter(pk=stampede_id).first()
    if stampede is None:
        return []
    if stampede.state == StampedeState.PLANNED:
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
def beat(*, share_id: UUID, now: datetime) -> None:
    """Give a region's sign of life."""
    StampedeRegion.objects.filter(pk=share_id).update(seen_at=now)


@occ_retry(repeatable=True)
def finish_share(*, share_id: UUID, now: datetime) -> None:
    """Note that every attempt of a region's share has its outcome recorded."""
    StampedeRegion.objects.filter(pk=share_id).update(finished_at=now, seen_at=now)


def settle(*, stampede_id: UUID, now: datetime) -> Stampede | None:
    """Write the report if the stampede is over, and return the stampede as it stands then.

    It is over when each region has finished (FINISHED), or has finished or is lost
    (INCOMPLETE). May be called by anybody, at any time, as often as they like; a region that
    was taken for dead and finishes after all gets the report made anew. None: it is gone.
    """
    stampede = Stampede.objects.filter(pk=stampede_id).first()
    # FINISHED is for good: who watches pays one read for it, and no transaction.
    if stampede is None or stampede.state == StampedeState.FINISHED:
        return stampede
    return _settle(stampede_id, now)


@occ_retry(repeatable=True)
def _settle(stampede_id: UUID, now: datetime) -> Stampede | None:
    stampede = Stampede.objects.select_related("event", "seat").filter(pk=stampede_id).first()
    if stampede is None:
        return None
    shares = list(stampede.regions.order_by("region"))
    state = _state_at(stampede, shares, now)
    if state not in SETTLED or _is_reported(stampede, shares, state):
        return stampede
    stampede.state, stampede.finished_at = state, now
    stampede.report = build_report(stampede, shares)
    stampede.save(update_fields=["state", "finished_at", "report"])
    return stampede


def _state_at(stampede: Stampede, shares: Sequence[StampedeRegion], now: datetime) -> str:
    if shares and all(share.finished_at for share in shares):
        return StampedeState.FINISHED
    if stampede.called_at is None:
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
