"""A stampede through real workers, one process a region."""

from __future__ import annotations

import json

import pytest
from django.core.management import call_command
from django.utils import timezone

from sales.models import (
    Attempt,
    Outcome,
    Seat,
    SeatStatus,
    Stampede,
    StampedeState,
    Ticket,
    TicketState,
)
from sales.stampede.runner import run_share
from sales.stampede.settling import SETTLED, STALE_AFTER, settle, start_stampede
from sales.tasks import stampede
from tests.helpers.crew import Crew
from tests.helpers.stampedes import Plan
from tests.helpers.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]


def _state(found: Stampede) -> str:
    found.refresh_from_db()
    return found.state


@pytest.mark.parametrize("buyers", [60, pytest.param(200, marks=pytest.mark.full)])
def test_sells_one_seat_to_one_of_many(
    workers: Crew, wanted: Seat, buyers: int, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("stampede", event="rush", seat="A-1", buyers=buyers, json=True)
    report = json.loads(capsys.readouterr().out)
    assert report["state"] == StampedeState.FINISHED
    assert report["confirmed"] == 1
    assert report["rejected"] == buyers - 1
    assert report["errors"] == report["unknown"] == report["missing"] == report["oversold"] == 0
    assert report["retries"] > 0
    assert report["witness"] == {
        "agree": True,
        "tickets": 1,
        "seats_sold": 1,
        "told_confirmed": 1,
        "violation_count": 0,
        "violations": [],
    }
    regions = report["regions"]
    assert sum(region["buyers"] for region in regions.values()) == buyers
    assert sum(region["retries"] for region in regions.values()) == report["retries"]
    winner = Attempt.objects.get(outcome=Outcome.CONFIRMED)
    ticket = Ticket.objects.get(seat=wanted)
    assert (ticket.order_id, ticket.fan_id) == (winner.told_order, winner.fan_id)
    assert ticket.order.region == winner.region


def test_settles_without_anybody_watching(workers: Crew, plan: Plan) -> None:
    planned = plan(buyers=10)
    stampede.delay(str(planned.pk))
    wait_until(lambda: _state(planned) in SETTLED, what="settled by its workers")
    assert planned.report
    assert planned.report["witness"]["agree"]


def test_names_a_region_that_never_came(nobody_waits: None, plan: Plan) -> None:
    planned = plan(buyers=10)
    start_stampede(stampede_id=planned.pk, now=timezone.now())
    assert run_share(stampede_id=planned.pk, region="us-east-1")
    settle(stampede_id=planned.pk, now=timezone.now() + 2 * STALE_AFTER)
    assert _state(planned) == StampedeState.INCOMPLETE
    assert planned.report
    assert planned.report["missing"] == 5
    assert planned.report["witness"]["agree"]
    assert "us-east-2: no worker took part" in planned.report["notes"][0]


def test_says_what_is_missing_when_a_worker_is_killed(workers: Crew, plan: Plan) -> None:
    planned = plan(buyers=60)
    lost, kept = "us-east-1", "us-east-2"
    of_lost = Attempt.objects.filter(stampede=planned, region=lost)
    # Some come an hour later, so that the worker has not finished whenever it is killed.
    late = list(of_lost.order_by("-number").values_list("pk", flat=True)[:5])
    of_lost.filter(pk__in=late).update(after_ms=3_600_000)
    stampede.delay(str(planned.pk))
    wait_until(of_lost.exclude(outcome=Outcome.PENDING).exists, what="the first buyers were told")
    workers.kill(lost)

    wait_until(lambda: _state(planned) in SETTLED, what="settled by the other worker", seconds=120)
    assert planned.state == StampedeState.INCOMPLETE
    report = planned.report
    assert report
    missing = of_lost.filter(outcome=Outcome.PENDING).count()
    assert report["missing"] == report["regions"][lost]["missing"] == missing >= len(late)
    assert report["regions"][kept]["missing"] == 0
    assert report["regions"][kept]["finished"]
    assert not report["regions"][lost]["finished"]
    assert any(lost in note and f"{missing} of its 30" in note for note in report["notes"])
    assert report["witness"]["agree"]
    assert report["witness"]["tickets"] == Ticket.objects.filter(state=TicketState.VALID).count()
    assert Seat.objects.filter(status=SeatStatus.SOLD).count() == 1
