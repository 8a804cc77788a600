"""The agreed instant: no buyer starts before every region is ready.

Opening dozens of connections, each with TLS and a token, takes one region longer than another. A
fixed lead would let the quick one sell the seat before the slow one has come.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from uuid import UUID

from django.db import Error

from sales.models import Stampede, StampedeRegion
from sales.stampede.clock import Clock
from sales.stampede.options import options_of
from sales.stampede.room import begin_letting_in
from worldseat.dsql.occ import occ_retry

__all__ = ["HEAD_START", "PATIENCE", "agree_on_start", "report_ready", "wait_for_start"]

# From the agreement to the start: long enough for every region to see it.
HEAD_START = timedelta(milliseconds=500)
# How long a ready region waits for the others. Then it starts, and who comes later is late.
PATIENCE = timedelta(seconds=10)
_LOOK_SECONDS = 0.05


def wait_for_start(*, share: StampedeRegion, clock: Clock) -> datetime:
    """Report a region ready, and return the instant at which its buyers start.

    A region that cannot reach the database starts at once: its buyers are told so.
    """
    give_up_at = clock.now() + PATIENCE
    try:
        report_ready(share_id=share.pk, now=clock.now())
        while True:
            now = clock.now()
            agreed = agree_on_start(stampede_id=share.stampede_id, now=now, alone=now >= give_up_at)
            if agreed:
                return agreed
            time.sleep(_LOOK_SECONDS)
    except Error:
        return clock.now()


@occ_retry(repeatable=True)
def report_ready(*, share_id: UUID, now: datetime) -> None:
    """Note that a region's buyers stand at the line, connected."""
    StampedeRegion.objects.filter(pk=share_id).update(ready_at=now)


@occ_retry(repeatable=True)
def agree_on_start(*, stampede_id: UUID, now: datetime, alone: bool) -> datetime | None:
    """Return the agreed instant; None while a region is not ready (unless `alone`).

    The first who finds everybody ready sets it. Two who do so at once write the same row, so one
    of them loses, runs again and finds the other's. A stampede that is gone starts `now`.
    """
    stampede = Stampede.objects.filter(pk=stampede_id).first()
    if stampede is None:
        return now
    if stampede.starts_at is None and (alone or _is_everybody_ready(stampede)):
        stampede.starts_at = now + HEAD_START
        if options_of(stampede).waiting_room:
            begin_letting_in(stampede, now=stampede.starts_at)
        stampede.save(update_fields=["starts_at"])
    return stampede.starts_at


def _is_everybody_ready(stampede: Stampede) -> bool:
    return not stampede.regions.filter(ready_at=None).exists()
