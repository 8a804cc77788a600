"""Running one region's share of a stampede: its buyers, all at the agreed instant."""

from __future__ import annotations

import contextlib
import logging
import queue
import socket
import threading
from concurrent.futures import Future
from datetime import datetime
from os import getpid
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection

from sales.models import Attempt, Outcome, StampedeRegion
from sales.stampede.buyers import Buyer, Wish, buy
from sales.stampede.clock import Clock
from sales.stampede.recorder import Recorder, Tried
from sales.stampede.settling import claim_share, finish_share, settle
from sales.stampede.starting_line import wait_for_start
from worldseat.dsql.occ import tally

__all__ = ["CONNECTIONS", "run_share"]

logger = logging.getLogger(__name__)

# Buyers that act at one time in a region's process, each on a connection of her own; the
# others follow as these are told. An embedded PostgreSQL takes 500 connections in all.
CONNECTIONS = 64


def run_share(*, stampede_id: UUID, region: str, buyer: Buyer = buy) -> bool:
    """Run a region's buyers and record what each is told; settle if this region is the last.

    Every thread opens its connection, then the regions agree on the instant and all start; a
    region that is ready later starts at once, and the report says how late. Returns False, having
    done nothing, when another worker has the share or the stampede is over.
    """
    clock = Clock()
    share = claim_share(stampede_id=stampede_id, region=region, worker=_name_run(), now=clock.now())
    if share is None:
        logger.info("Nothing to do for stampede %s in %s", stampede_id, region)
        return False
    with Recorder(share_id=share.pk, clock=clock) as recorder:
        _let_run(_load_wishes(share), buyer, share, recorder, clock)
    finish_share(share_id=share.pk, now=clock.now())
    settle(stampede_id=stampede_id, now=clock.now())
    return True


def _name_run() -> str:
    """Return a name that no other run has, also a second one in this process."""
    return f"{socket.gethostname()[:150]} pid {getpid()} run {uuid4().hex[:8]}"


def _load_wishes(share: StampedeRegion) -> queue.SimpleQueue[Wish]:
    wishes: queue.SimpleQueue[Wish] = queue.SimpleQueue()
    attempts = Attempt.objects.filter(
        stampede_id=share.stampede_id, region=share.region, outcome=Outcome.PENDING
    )
    for attempt_id, fan_id in attempts.order_by("number").values_list("pk", "fan_id"):
        wishes.put(
            Wish(
                attempt_id=attempt_id,
                event_id=share.stampede.event_id,
                seat_id=share.stampede.seat_id,
                fan_id=fan_id,
                region=share.region,
            )
        )
    return wishes


def _let_run(
    wishes: queue.SimpleQueue[Wish],
    buyer: Buyer,
    share: StampedeRegion,
    recorder: Recorder,
    clock: Clock,
) -> None:
    number = min(wishes.qsize(), _most_at_once())
    at_the_line = threading.Barrier(number + 1)
    agreed: Future[datetime] = Future()

    def act() -> None:
        # Who cannot connect now, or sign a token, finds out as a buyer, and is told so.
        with contextlib.suppress(Exception):
            connection.ensure_connection()
        try:
            at_the_line.wait()
            clock.sleep_until(agreed.result())
            with contextlib.suppress(queue.Empty):
                while True:
                    recorder.put(_try(wishes.get_nowait(), buyer, clock))
        finally:
            connection.close()

    threads = [threading.Thread(target=act, name=f"buyer-{each}") for each in range(number)]
    try:
        for thread in threads:
            thread.start()
        at_the_line.wait()
        agreed.set_result(wait_for_start(share=share, clock=clock))
    except BaseException as error:
        # Nobody is left standing at the line for good.
        at_the_line.abort()
        if not agreed.done():
            agreed.set_exception(error)
        raise
    for thread in threads:
        thread.join()


def _most_at_once() -> int:
    """Return how many may act at once: a pool of connections also serves the recorder."""
    pool = settings.DATABASES["default"]["OPTIONS"].get("pool")
    return max(1, min(CONNECTIONS, pool["max_size"] - 2)) if pool else CONNECTIONS


def _try(wish: Wish, buyer: Buyer, clock: Clock) -> Tried:
    with tally() as counted:
        started_at = clock.now()
        told = buyer(wish, started_at)
        finished_at = clock.now()
    return Tried(
        attempt_id=wish.attempt_id,
        told=told,
        tally=counted,
        started_at=started_at,
        finished_at=finished_at,
    )
