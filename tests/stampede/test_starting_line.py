"""The agreed instant: everybody starts when everybody is ready."""

from __future__ import annotations

import threading
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from sales.models import Stampede
from sales.stampede.progress import waiting_for
from sales.stampede.runner import run_share
from sales.stampede.settling import start_stampede
from sales.stampede.starting_line import HEAD_START, agree_on_start, report_ready
from tests.helpers.cast import at_once
from tests.helpers.stampedes import Plan

pytestmark = pytest.mark.django_db(transaction=True)

EAST, WEST = "us-east-1", "us-east-2"


@pytest.fixture
def called(plan: Plan) -> Stampede:
    """A stampede whose regions have been sent their shares."""
    planned = plan(buyers=6)
    start_stampede(stampede_id=planned.pk, now=timezone.now())
    return planned


def _ready(stampede: Stampede, region: str) -> None:
    report_ready(share_id=stampede.regions.get(region=region).pk, now=timezone.now())


def test_waits_for_a_region_that_is_slow(called: Stampede) -> None:
    """A quick region that did not wait would be done before the slow one is ready."""

    def run_quickly() -> bool:
        return run_share(stampede_id=called.pk, region=EAST)

    def run_slowly() -> bool:
        pause = threading.Event()
        while not called.regions.filter(region=EAST, ready_at__isnull=False).exists():
            pause.wait(0.05)
        pause.wait(1.0)
        return run_share(stampede_id=called.pk, region=WEST)

    assert at_once([run_quickly, run_slowly]) == [True, True]
    called.refresh_from_db()
    assert called.starts_at
    for share in called.regions.all():
        assert share.ready_at
        assert share.ready_at < called.starts_at
    assert not called.attempts.filter(started_at__lt=called.starts_at).exists()


def test_agrees_on_one_instant_when_both_find_everybody_ready(called: Stampede) -> None:
    now = timezone.now()
    _ready(called, EAST)
    assert agree_on_start(stampede_id=called.pk, now=now, alone=False) is None
    assert waiting_for(called.pk) == "us-east-2 getting ready"
    _ready(called, WEST)
    assert waiting_for(called.pk) == ""
    agree = [
        partial(
            agree_on_start,
            stampede_id=called.pk,
            now=now + timedelta(milliseconds=number),
            alone=False,
        )
        for number in range(8)
    ]
    agreed = at_once(agree)
    called.refresh_from_db()
    assert set(agreed) == {called.starts_at}
    assert called.starts_at
    assert now <= called.starts_at - HEAD_START < now + timedelta(milliseconds=8)


def test_starts_without_a_region_that_never_comes(
    called: Stampede, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sales.stampede.starting_line.PATIENCE", timedelta(milliseconds=200))
    assert run_share(stampede_id=called.pk, region=EAST)
    assert not called.attempts.filter(region=EAST, finished_at=None).exists()
    # And the one that comes after all starts at once; the report says how late.
    assert run_share(stampede_id=called.pk, region=WEST)
    called.refresh_from_db()
    assert called.report
    late = called.report["regions"][WEST]["late_ms"]
    assert late > called.report["regions"][EAST]["late_ms"]
    assert called.report["confirmed"] == 1


def test_tells_buyers_whose_token_cannot_be_signed(
    called: Stampede, nobody_waits: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that is not the database's own must not leave a region at the line for good."""

    class Line:
        def ensure_connection(self) -> None:
            raise RuntimeError("no credentials")

        def close(self) -> None:
            return

    monkeypatch.setattr("sales.stampede.contenders.product.connection", Line())
    assert run_share(stampede_id=called.pk, region=EAST)
    assert not called.attempts.filter(region=EAST, finished_at=None).exists()
