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
from sales.stampede.settling import SETTLED, STALE_AFTER, settle
from sales.tasks import stampede
from tests.helpers.crew import Crew
from tests.helpers.stampedes import Plan
from tests.helpers.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]


def _state(found: Stampede) -> str:
    found.refresh_from_db()
    return found.state


@pytest.mark.parametrize("buyers", [60, 200])
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


def test_says_what_is_missing_when_a_worker_is_killed(workers: Crew, plan: Plan) -> None:
    planned = plan(buyers=1200)
    lost, kept = "us-east-1", "us-east-2"
    stampede.delay(str(planned.pk))
    of_lost = Attempt.objects.filter(stampede=planned, region=lost)
    wait_until(of_lost.exclude(outcome=Outcome.PENDING).exists, what="the first buyers were told")
    workers.kill(lost)
    assert of_lost.filter(outcome=Outcome.PENDING).exists(), "the worker was killed too late"

    wait_until(lambda: _state(planned) in SETTLED, what="settled by the other worker", seconds=120)
    assert planned.state == StampedeState.INCOMPLETE
    report = planned.report
    assert report
    missing = of_lost.filter(outcome=Outcome.PENDING).count()
    assert report["missing"] == report["regions"][lost]["missing"] == missing > 0
    assert report["regions"][kept]["missing"] == 0
    assert report["regions"][kept]["finished"]
    assert not report["regions"][lost]["finished"]
    assert any(lost in note and f"{missing} of its 600" in note for note in report["notes"])
    assert report["witness"]["agree"]
    assert report["witness"]["tickets"] == Ticket.objects.filter(state=TicketState.VALID).count()
    assert Seat.objects.filter(status=SeatStatus.SOLD).count() == 1


def test_names_a_region_that_never_came(workers: Crew, plan: Plan) -> None:
    workers.kill("us-east-2")
    planned = plan(buyers=10)
    stampede.delay(str(planned.pk))
    here = planned.regions.filter(region="us-east-1")
    wait_until(here.exclude(finished_at=None).exists, what="the other region finished")
    settle(stampede_id=planned.pk, now=timezone.now() + 2 * STALE_AFTER)
    assert _state(planned) == StampedeState.INCOMPLETE
    assert planned.report
    assert planned.report["missing"] == 5
    assert planned.report["witness"]["agree"]
    assert "us-east-2: no worker took part" in planned.report["notes"][0]
