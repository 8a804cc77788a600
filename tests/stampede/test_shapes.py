"""What buyers want and when they come: planned from one seed, and run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from sales.models import Outcome, Payment, Seat, SeatStatus, Shape, Stampede, StampedeState
from sales.stampede.options import Options
from sales.stampede.plan import CannotStampede
from sales.stampede.runner import run_share
from sales.stampede.settling import prepare_stampede, start_stampede, stop_stampede
from sales.stampede.shapes import arrivals, deal
from tests.helpers.cast import at_once
from tests.helpers.stampedes import Plan
from tests.helpers.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

REGIONS = ("us-east-1", "us-east-2")
SEATS = 12


def _run(planned: Stampede) -> Stampede:
    prepare_stampede(stampede_id=planned.pk)
    start_stampede(stampede_id=planned.pk, now=planned.created_at)
    shares = [partial(run_share, stampede_id=planned.pk, region=region) for region in REGIONS]
    assert at_once(shares) == [True, True]
    planned.refresh_from_db()
    assert planned.state == StampedeState.FINISHED
    assert planned.report
    assert planned.report["witness"]["agree"], planned.report["witness"]
    return planned


def _outcomes(planned: Stampede) -> Counter[str]:
    return Counter(planned.attempts.values_list("outcome", flat=True))


@pytest.mark.parametrize("contender", ["dsql", "conditional-update"])
@pytest.mark.parametrize("shape", [Shape.HALL, Shape.BEST_AVAILABLE])
def test_sells_a_hall_out_and_no_seat_twice(plan: Plan, contender: str, shape: Shape) -> None:
    planned = _run(plan(buyers=16, shape=shape, contender=contender))
    assert _outcomes(planned) == {Outcome.CONFIRMED: SEATS, Outcome.REJECTED: 16 - SEATS}
    assert planned.report
    assert (planned.report["seats"], planned.report["witness"]["seats_sold"]) == (SEATS, SEATS)
    told = planned.attempts.filter(outcome=Outcome.CONFIRMED)
    assert told.values("seat").distinct().count() == SEATS
    assert planned.attempts.filter(choices__gt=1).exists()


def test_holds_and_pays_for_the_best_seats(plan: Plan) -> None:
    planned = _run(plan(buyers=16, shape=Shape.BEST_AVAILABLE, contender="dsql-holds"))
    assert _outcomes(planned) == {Outcome.CONFIRMED: SEATS, Outcome.REJECTED: 16 - SEATS}
    told = planned.attempts.filter(outcome=Outcome.CONFIRMED)
    assert told.values("seat").distinct().count() == SEATS
    assert Payment.objects.count() == SEATS


def test_holds_only_the_best_available(plan: Plan) -> None:
    with pytest.raises(CannotStampede, match="is for --shape best-available alone"):
        plan(contender="dsql-holds")


def test_lets_nobody_contend_where_each_wants_a_seat_of_her_own(plan: Plan) -> None:
    planned = _run(plan(buyers=SEATS, shape=Shape.SPREAD))
    assert _outcomes(planned) == {Outcome.CONFIRMED: SEATS}
    assert planned.report
    assert planned.report["retries"] == planned.report["conflicts"] == 0


def test_oversells_a_hall_at_read_committed(plan: Plan) -> None:
    """Best available sends all to the same seats: the naive purchase sells them again."""
    planned = plan(buyers=16, shape=Shape.BEST_AVAILABLE, contender="read-committed")
    prepare_stampede(stampede_id=planned.pk)
    start_stampede(stampede_id=planned.pk, now=planned.created_at)
    at_once([partial(run_share, stampede_id=planned.pk, region=region) for region in REGIONS])
    planned.refresh_from_db()
    assert planned.report
    assert planned.report["oversold"] > 0
    assert not planned.report["witness"]["agree"]


def test_brings_the_buyers_of_a_rush_over_its_time(plan: Plan) -> None:
    planned = _run(plan(buyers=10, shape=Shape.RUSH, rush_ms=600, think_ms=100))
    assert planned.starts_at
    for attempt in planned.attempts.all():
        assert attempt.started_at
        asked = planned.starts_at + timedelta(milliseconds=attempt.after_ms)
        assert attempt.started_at >= asked
    assert planned.attempts.filter(after_ms__gt=100).exists()


def test_plans_the_same_from_the_same_seed(plan: Plan) -> None:
    def wishes(**options: object) -> list[tuple[object, ...]]:
        planned = plan(buyers=30, contender="read-committed", shape=Shape.RUSH, **options)
        attempts = planned.attempts.order_by("number")
        return list(attempts.values_list("region", "seat", "after_ms"))

    assert wishes(seed=7) == wishes(seed=7) != wishes(seed=8)


def test_lets_a_rush_jump_and_decay() -> None:
    came = arrivals(2000, Options(shape=Shape.RUSH, rush_ms=1000, seed=3))
    assert sum(at == 0 for at in came) > 300  # the jump
    early, late = sum(0 < at < 250 for at in came), sum(at > 750 for at in came)
    assert early > 5 * late > 0
    assert max(came) <= 1000


def test_deals_buyers_by_the_regions_weights() -> None:
    dealt = deal(REGIONS, 8, Options(shares={"us-east-1": 3.0}))
    assert Counter(dealt) == {"us-east-1": 6, "us-east-2": 2}
    assert dealt.index("us-east-2") < 4, "mixed, not one after the other"


def test_refuses_more_buyers_than_seats_where_each_wants_one(plan: Plan) -> None:
    with pytest.raises(CannotStampede, match="13 buyers want a seat each, of 12"):
        plan(buyers=13, shape=Shape.SPREAD)


def test_refuses_a_hall_while_another_stampede_is_there(plan: Plan) -> None:
    plan(buyers=2)
    with pytest.raises(CannotStampede, match="Another stampede runs at the event"):
        plan(buyers=2, shape=Shape.HALL)
    # A foil has seats of its own.
    plan(buyers=2, shape=Shape.HALL, contender="read-committed")


def test_refuses_a_seat_while_a_hall_is_sold(plan: Plan) -> None:
    plan(buyers=2, shape=Shape.HALL)
    with pytest.raises(CannotStampede, match="Another stampede runs at seat A-1"):
        plan(buyers=2)


def test_stops_when_it_is_asked_to(plan: Plan, wanted: Seat) -> None:
    planned = plan(buyers=40, shape=Shape.RUSH, rush_ms=600_000)
    start_stampede(stampede_id=planned.pk, now=planned.created_at)

    def stop() -> bool:
        told = planned.attempts.exclude(outcome=Outcome.PENDING)
        wait_until(told.exists, what="the first buyers were told")
        return stop_stampede(stampede_id=planned.pk, now=timezone.now()) is not None

    calls: list[Callable[[], bool]] = [
        partial(run_share, stampede_id=planned.pk, region=region) for region in REGIONS
    ]
    assert at_once([*calls, stop]) == [True, True, True]
    planned.refresh_from_db()
    assert planned.state == StampedeState.STOPPED
    assert planned.report
    assert planned.report["missing"] > 0
    assert planned.report["witness"]["agree"]
    sold = Seat.objects.filter(status=SeatStatus.SOLD).count()
    assert sold == planned.report["confirmed"] > 0
