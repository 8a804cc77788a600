"""Running one region's share of a stampede: its buyers, all at the agreed instant."""

from __future__ import annotations

import contextlib
import logging
import queue
import socket
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import datetime, timedelta
from os import getpid
from uuid import UUID, uuid4

from django.conf import settings

from accounts.scopes import everywhere
from sales.models import Attempt, Outcome, Stampede, StampedeRegion
from sales.stampede.buyers import Wish
from sales.stampede.buying import Buying
from sales.stampede.clock import Clock
from sales.stampede.contenders import Contender, contender_named, run_of
from sales.stampede.queueing import Coming, act
from sales.stampede.recorder import Recorder
from sales.stampede.settling import claim_share, finish_share, settle
from sales.stampede.starting_line import wait_for_start

__all__ = ["CONNECTIONS", "run_share"]

logger = logging.getLogger(__name__)

# Buyers that act at one time in a region's process, each on a connection of her own; the
# others follow as these are told. An embedded PostgreSQL takes 500 connections in all.
CONNECTIONS = 64


def run_share(*, stampede_id: UUID, region: str, contender: Contender | None = None) -> bool:
    """Run a region's buyers and record what each is told; settle if this region is the last.

    Every thread connects, then the regions agree on the instant and all start; a region that is
    ready later starts at once, and the report says how late. `contender` stands in for the
    stampede's own. Returns False, having done nothing, when another worker has the share or the
    stampede is over.
    """
    clock = Clock()
    share = claim_share(stampede_id=stampede_id, region=region, worker=_name_run(), now=clock.now())
    if share is None:
        logger.info("Nothing to do for stampede %s in %s", stampede_id, region)
        return False
    stampede = Stampede.objects.select_related("event").get(pk=stampede_id)
    chosen = contender or contender_named(stampede.contender)
    run = run_of(stampede)
    wishes = _load_wishes(share)
    fans = [wish.fan_id for wish in wishes]
    with (
        Recorder(share_id=share.pk, clock=clock) as recorder,
        chosen.open(run, region, fans) as shop,
    ):
        _let_run(_queue(wishes), Buying(run, shop, clock), share, recorder)
    finish_share(share_id=share.pk, now=clock.now())
    settle(stampede_id=stampede_id, now=clock.now())
    return True


def _name_run() -> str:
    """Return a name that no other run has, also a second one in this process."""
    return f"{socket.gethostname()[:150]} pid {getpid()} run {uuid4().hex[:8]}"


def _load_wishes(share: StampedeRegion) -> list[Wish]:
    attempts = Attempt.objects.filter(
        stampede_id=share.stampede_id, region=share.region, outcome=Outcome.PENDING
    ).order_by("after_ms", "number")
    return [
        Wish(
            attempt_id=attempt.pk,
            event_id=share.stampede.event_id,
            seat_id=attempt.seat_id,
            fan_id=attempt.fan_id,
            region=share.region,
            after=attempt.after_ms / 1000,
        )
        for attempt in attempts
    ]


def _queue(wishes: Sequence[Wish]) -> queue.PriorityQueue[Coming]:
    """Line the buyers up by when they act, which those in a waiting room do again and again."""
    coming: queue.PriorityQueue[Coming] = queue.PriorityQueue()
    for number, wish in enumerate(wishes):
        coming.put(Coming(wish.after, number, wish))
    return coming


def _let_run(
    coming: queue.PriorityQueue[Coming],
    buying: Buying,
    share: StampedeRegion,
    recorder: Recorder,
) -> None:
    number = min(coming.qsize(), _most_at_once())
    at_the_line = threading.Barrier(number + 1)
    agreed: Future[datetime] = Future()
    clock = buying.clock

    @everywhere()  # they are fans
    def run() -> None:
        # Who cannot connect now, or sign a token, finds out as a buyer, and is told so.
        with contextlib.suppress(Exception):
            buying.shop.enter()
        try:
            at_the_line.wait()
            start = agreed.result()
            with contextlib.suppress(queue.Empty):
                while not recorder.is_stopped:
                    # An empty line may get somebody back from another thread, who serves her.
                    turn = coming.get_nowait()
                    recorder.wait_until(start + timedelta(seconds=turn.after))
                    if recorder.is_stopped:
                        break
                    done = act(buying, turn, start)
                    if isinstance(done, Coming):
                        coming.put(done)
                    else:
                        recorder.put(done)
        finally:
            buying.shop.leave()

    threads = [threading.Thread(target=run, name=f"buyer-{each}") for each in range(number)]
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
