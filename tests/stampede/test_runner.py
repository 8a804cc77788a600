"""A region's share, run in this process."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from uuid import uuid4

import pytest
from django.db import IntegrityError, OperationalError
from django.utils import timezone

from sales.models import (
    Attempt,
    Event,
    EventState,
    Outcome,
    Seat,
    SeatStatus,
    Stampede,
    StampedeState,
    StoredAnswer,
    Ticket,
)
from sales.stampede.buyers import STOPPED_BY_INDEX, Told, Wish, buy
from sales.stampede.contenders.product import Dsql
from sales.stampede.runner import run_share
from sales.stampede.settling import start_stampede
from tests.helpers.cast import at_once
from tests.helpers.stampedes import Plan
from worldseat.dsql.occ import OutcomeUnknown

pytestmark = pytest.mark.django_db(transaction=True)

REGIONS = ("us-east-1", "us-east-2")


def _start(planned: Stampede) -> datetime:
    called_at = timezone.now()
    assert start_stampede(stampede_id=planned.pk, now=called_at) == list(REGIONS)
    return called_at


def _run_all(planned: Stampede, buyer: Callable[[Wish, datetime], Told] = buy) -> None:
    shares = [
        partial(run_share, stampede_id=planned.pk, region=region, contender=Dsql(buyer))
        for region in REGIONS
    ]
    assert at_once(shares) == [True, True]
    planned.refresh_from_db()


def _wish(planned: Stampede) -> Wish:
    attempt = planned.attempts.get(number=1)
    assert planned.seat_id
    return Wish(
        attempt_id=attempt.pk,
        event_id=planned.event_id,
        seat_id=planned.seat_id,
        fan_id=attempt.fan_id,
        region=attempt.region,
    )


def test_settles_every_conflict_of_sixty_buyers(plan: Plan, wanted: Seat) -> None:
    """Without @occ_retry on the purchase the losers of a conflict are errors, not refusals."""
    planned = plan(buyers=60)
    _start(planned)
    _run_all(planned)
    assert Counter(planned.attempts.values_list("outcome", flat=True)) == {
        Outcome.CONFIRMED: 1,
        Outcome.REJECTED: 59,
    }
    assert planned.state == StampedeState.FINISHED
    assert planned.report
    assert planned.report["conflicts"] > 0
    assert planned.report["retries"] >= planned.report["conflicts"]
    assert planned.report["max_attempts"] >= 2
    wanted.refresh_from_db()
    assert wanted.status == SeatStatus.SOLD


def test_lets_buyers_share_connections_when_there_are_many(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sales.stampede.runner.CONNECTIONS", 2)
    acting, most, lock = Counter[str](), Counter[str](), threading.Lock()

    def count(wish: Wish, now: datetime) -> Told:
        with lock:
            acting[wish.region] += 1
            most[wish.region] = max(most[wish.region], acting[wish.region])
        told = buy(wish, now)
        with lock:
            acting[wish.region] -= 1
        return told

    planned = plan(buyers=20)
    _start(planned)
    _run_all(planned, count)
    assert max(most.values()) <= 2
    assert planned.report
    assert (planned.report["confirmed"], planned.report["rejected"]) == (1, 19)


def test_runs_no_buyer_twice_when_its_task_is_delivered_twice(
    plan: Plan, nobody_waits: None
) -> None:
    planned = plan(buyers=20)
    _start(planned)
    came: list[Wish] = []

    def note(wish: Wish, now: datetime) -> Told:
        came.append(wish)
        return buy(wish, now)

    run = partial(run_share, stampede_id=planned.pk, region="us-east-1", contender=Dsql(note))
    assert sorted(map(str, at_once([run, run, run]))) == ["False", "False", "True"]
    assert run() is False
    assert len(came) == len({wish.attempt_id for wish in came}) == 10


@pytest.mark.parametrize("region", ["us-west-9", "us-east-1"])
def test_does_nothing_for_a_share_that_is_not_to_be_run(plan: Plan, region: str) -> None:
    planned = plan()  # not started
    assert run_share(stampede_id=planned.pk, region=region) is False
    assert run_share(stampede_id=uuid4(), region=region) is False
    assert not planned.attempts.exclude(outcome=Outcome.PENDING).exists()


def test_starts_a_stampede_once(plan: Plan) -> None:
    planned = plan()
    first = _start(planned)
    later = first + timedelta(seconds=5)
    assert start_stampede(stampede_id=planned.pk, now=later) == []
    assert start_stampede(stampede_id=uuid4(), now=later) == []
    planned.refresh_from_db()
    assert planned.called_at == first


def test_records_what_each_buyer_was_told(plan: Plan) -> None:
    planned = plan(buyers=4)
    _start(planned)
    order = uuid4()
    says = {
        1: Told(outcome=Outcome.CONFIRMED, order_id=order),
        2: Told(outcome=Outcome.REJECTED),
        3: Told(outcome=Outcome.ERROR, detail="Oops: it broke"),
        4: Told(outcome=Outcome.UNKNOWN, detail="no answer"),
    }
    numbers = dict(planned.attempts.values_list("pk", "number"))
    _run_all(planned, lambda wish, now: says[numbers[wish.attempt_id]])
    for attempt in planned.attempts.all():
        said = says[attempt.number]
        assert attempt.outcome == said.outcome
        assert (attempt.told_order, attempt.detail) == (said.order_id, said.detail)
        assert attempt.started_at
        assert attempt.finished_at
        assert attempt.started_at <= attempt.finished_at


def test_tells_the_order_again_when_the_same_buyer_comes_again(plan: Plan, now: datetime) -> None:
    wish = _wish(plan())
    first, again = buy(wish, now), buy(wish, now)
    assert first.outcome == Outcome.CONFIRMED
    assert first == again
    assert Ticket.objects.count() == StoredAnswer.objects.count() == 1


def test_says_why_it_refused_when_the_sale_is_paused(plan: Plan, now: datetime) -> None:
    wish = _wish(plan())
    Event.objects.update(state=EventState.PAUSED)
    assert buy(wish, now) == Told(outcome=Outcome.REJECTED, detail="The sale is paused.")


@pytest.mark.parametrize(
    ("error", "outcome", "before"),
    [
        (OutcomeUnknown("no answer"), Outcome.UNKNOWN, ""),
        (IntegrityError("one_valid_ticket_a_seat"), Outcome.ERROR, f"{STOPPED_BY_INDEX}: "),
        (OperationalError("the server went away"), Outcome.ERROR, ""),
        (RuntimeError("x" * 1000), Outcome.ERROR, ""),
    ],
)
def test_tells_a_failure_and_goes_on(
    error: Exception,
    outcome: Outcome,
    before: str,
    plan: Plan,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr("sales.stampede.buyers.purchase", fail)
    told = buy(_wish(plan()), now)
    assert told.outcome == outcome
    assert told.detail == f"{before}{type(error).__name__}: {error}"[:300]
    assert told.order_id is None
    assert not Attempt.objects.exclude(outcome=Outcome.PENDING).exists()
