"""A stampede is settled once it is over, by whoever looks."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from sales.models import Stampede, StampedeState
from sales.stampede.settling import (
    STALE_AFTER,
    beat,
    claim_share,
    finish_share,
    settle,
    start_stampede,
)
from tests.helpers.cast import at_once
from tests.helpers.stampedes import Plan

pytestmark = pytest.mark.django_db(transaction=True)

EAST, WEST = "us-east-1", "us-east-2"
SOON = timedelta(seconds=1)


@pytest.fixture
def running(plan: Plan, now: datetime) -> Stampede:
    """A stampede that has started, and whose shares nobody has taken."""
    planned = plan()
    start_stampede(stampede_id=planned.pk, now=now)
    return planned


def _settle(stampede: Stampede, now: datetime) -> Stampede:
    found = settle(stampede_id=stampede.pk, now=now)
    assert found
    return found


def _claim(stampede: Stampede, region: str, now: datetime, *, worker: str = "w") -> None:
    assert claim_share(stampede_id=stampede.pk, region=region, worker=worker, now=now)


def _finish(stampede: Stampede, region: str, now: datetime) -> None:
    finish_share(share_id=stampede.regions.get(region=region).pk, now=now)


def test_waits_for_regions_that_are_alive(running: Stampede, now: datetime) -> None:
    _claim(running, EAST, now)
    _claim(running, WEST, now)
    for region in (EAST, WEST):
        beat(share_id=running.regions.get(region=region).pk, now=now + STALE_AFTER)
    found = _settle(running, now + STALE_AFTER + SOON)
    assert (found.state, found.report) == (StampedeState.RUNNING, None)


def test_finishes_when_every_region_has(running: Stampede, now: datetime) -> None:
    _finish(running, EAST, now)
    assert _settle(running, now).state == StampedeState.RUNNING
    _finish(running, WEST, now)
    found = _settle(running, now + SOON)
    assert found.state == StampedeState.FINISHED
    assert found.finished_at == now + SOON
    assert found.report
    assert found.report["state"] == "finished"


def test_keeps_the_first_report(running: Stampede, now: datetime) -> None:
    _finish(running, EAST, now)
    _finish(running, WEST, now)
    first = _settle(running, now)
    assert _settle(running, now + SOON).finished_at == first.finished_at


def test_settles_once_when_many_look_at_once(running: Stampede, now: datetime) -> None:
    _finish(running, EAST, now)
    _finish(running, WEST, now)
    looks = at_once([lambda: _settle(running, now)] * 6)
    assert all(isinstance(look, Stampede) and look.report for look in looks), looks


def test_gives_up_a_region_without_a_sign_of_life(running: Stampede, now: datetime) -> None:
    _claim(running, EAST, now, worker="vm pid 7")
    _finish(running, WEST, now)
    assert _settle(running, now + STALE_AFTER).state == StampedeState.RUNNING
    found = _settle(running, now + STALE_AFTER + SOON)
    assert found.state == StampedeState.INCOMPLETE
    assert found.report
    assert found.report["missing"] == 4
    (note,) = [note for note in found.report["notes"] if EAST in note]
    assert "the worker vm pid 7 gave its last sign of life" in note
    assert "2 of its 2 buyers have no outcome" in note


def test_makes_the_report_anew_when_a_lost_region_comes_back(
    running: Stampede, now: datetime
) -> None:
    _claim(running, EAST, now)
    _finish(running, WEST, now)
    later = now + 2 * STALE_AFTER
    assert _settle(running, later).state == StampedeState.INCOMPLETE
    _finish(running, EAST, later)
    found = _settle(running, later + SOON)
    assert found.state == StampedeState.FINISHED
    assert found.report
    assert found.report["regions"][EAST]["finished"]


def test_gives_no_share_of_a_stampede_that_is_over(running: Stampede, now: datetime) -> None:
    later = now + 2 * STALE_AFTER
    assert _settle(running, later).state == StampedeState.INCOMPLETE
    assert claim_share(stampede_id=running.pk, region=EAST, worker="w", now=later) is None


def test_gives_a_share_to_one_worker(running: Stampede, now: datetime) -> None:
    _claim(running, EAST, now, worker="first")
    assert claim_share(stampede_id=running.pk, region=EAST, worker="second", now=now) is None
    # The same run again, after a COMMIT that got no answer.
    _claim(running, EAST, now, worker="first")


def test_forgets_a_plan_that_nobody_started(plan: Plan, now: datetime) -> None:
    planned = plan()
    assert _settle(planned, now + timedelta(seconds=30)).state == StampedeState.PLANNED
    found = _settle(planned, now + timedelta(seconds=90))
    assert found.state == StampedeState.INCOMPLETE
    assert found.report
    assert len(found.report["notes"]) == 2
    assert start_stampede(stampede_id=planned.pk, now=now) == []


def test_has_nothing_to_say_of_a_stampede_that_is_gone(db: None, now: datetime) -> None:
    assert settle(stampede_id=uuid4(), now=now) is None
