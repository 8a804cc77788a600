"""Planning checks everything, then writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.utils import timezone

from accounts.models import User
from sales.models import (
    Allowance,
    Attempt,
    Event,
    EventState,
    Outcome,
    Seat,
    SeatStatus,
    Stampede,
    StampedeRegion,
    StampedeState,
)
from sales.stampede.plan import CannotStampede, plan_stampede
from tests.helpers.cast import at_once, make_user
from tests.helpers.stampedes import Plan

pytestmark = pytest.mark.django_db(transaction=True)


def _refused(
    seat: Seat,
    *,
    buyers: int = 4,
    regions: Sequence[str] = ("us-east-1",),
    **fields: Any,
) -> CannotStampede:
    """Return the refusal, after a look that nothing was written."""
    before = Stampede.objects.count(), User.objects.count()
    with pytest.raises(CannotStampede) as refusal:
        plan_stampede(
            **{"event_id": seat.event_id, "seat_id": seat.pk, **fields},
            buyers=buyers,
            regions=regions,
            started_by=None,
            now=timezone.now(),
        )
    assert (Stampede.objects.count(), User.objects.count()) == before
    return refusal.value


def test_writes_a_pending_attempt_for_each_buyer(plan: Plan, wanted: Seat) -> None:
    planned = plan(buyers=5)
    assert planned.state == StampedeState.PLANNED
    assert (planned.seat, planned.event) == (wanted, wanted.event)
    assert sorted(planned.attempts.values_list("number", flat=True)) == [1, 2, 3, 4, 5]
    assert set(planned.attempts.values_list("outcome", flat=True)) == {Outcome.PENDING}
    assert planned.attempts.values("fan").distinct().count() == 5
    assert dict(planned.regions.values_list("region", "buyers")) == {
        "us-east-1": 3,
        "us-east-2": 2,
    }
    assert Counter(planned.attempts.values_list("region", flat=True)) == {
        "us-east-1": 3,
        "us-east-2": 2,
    }


def test_lets_nobody_log_in_as_a_simulated_fan(plan: Plan) -> None:
    plan(buyers=3)
    fans = User.objects.filter(is_simulated=True)
    assert [fan.email for fan in fans.order_by("email")] == [
        f"buyer-000{number}@stampede.invalid" for number in (1, 2, 3)
    ]
    assert not any(fan.has_usable_password() for fan in fans)


def test_shares_the_fans_with_other_stampedes(plan: Plan, rush: Event) -> None:
    plan(buyers=3)
    plan(buyers=5, seat=rush.seats.get(guid="Floor-A-2"))
    assert User.objects.filter(is_simulated=True).count() == 5


def test_leaves_out_fans_who_may_buy_no_more(plan: Plan, rush: Event) -> None:
    first = plan(buyers=1).attempts.get().fan
    Allowance.objects.create(event=rush, fan=first, used=rush.limit_per_fan)
    second = plan(buyers=1, seat=rush.seats.get(guid="Floor-A-2")).attempts.get().fan
    assert second != first


def test_leaves_real_people_alone(plan: Plan) -> None:
    person = make_user("buyer-0001", email="buyer-0001@stampede.invalid")
    plan(buyers=2)
    assert not Attempt.objects.filter(fan=person).exists()
    assert Attempt.objects.count() == 2


@pytest.mark.parametrize("buyers", [3001, pytest.param(5000, marks=pytest.mark.full)])
def test_plans_thousands_in_transactions_that_dsql_takes(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, buyers: int
) -> None:
    largest = 0
    created = Attempt.objects.bulk_create

    def watched(rows: Sequence[Attempt], **how: Any) -> Any:
        nonlocal largest
        largest = max(largest, len(rows))
        return created(rows, **how)

    monkeypatch.setattr(Attempt.objects, "bulk_create", watched)
    assert plan(buyers=buyers).attempts.count() == buyers
    assert 0 < largest <= 3000


@pytest.mark.parametrize("buyers", [0, -1, 5001])
def test_refuses_too_few_or_too_many_buyers(wanted: Seat, buyers: int) -> None:
    refusal = _refused(wanted, buyers=buyers)
    assert refusal.field == "buyers"
    assert str(refusal) == f"{buyers} buyers: use 1 to 5,000."


@pytest.mark.parametrize(
    ("regions", "words"),
    [
        ((), "No region"),
        (("mars-1",), "Unknown region 'mars-1': use us-east-1, us-east-2"),
        (("us-east-1", "us-east-1"), "named twice"),
    ],
)
def test_refuses_regions_it_cannot_use(wanted: Seat, regions: Sequence[str], words: str) -> None:
    refusal = _refused(wanted, regions=regions)
    assert refusal.field == "regions"
    assert words in str(refusal)


def test_refuses_an_event_that_is_real(wanted: Seat) -> None:
    Event.objects.update(is_simulation=False)
    refusal = _refused(wanted)
    assert refusal.field == "event"
    assert "'Rush' is a real event" in str(refusal)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"state": EventState.DRAFT}, "not on sale"),
        ({"state": EventState.PAUSED}, "paused"),
        ({"on_sale_at": timezone.now() + timedelta(days=1)}, "has not started"),
    ],
)
def test_refuses_an_event_that_does_not_sell(
    wanted: Seat, fields: dict[str, Any], words: str
) -> None:
    Event.objects.update(**fields)
    refusal = _refused(wanted)
    assert refusal.field == "event"
    assert words in str(refusal)


def test_refuses_an_event_or_a_seat_that_is_not_there(wanted: Seat, seat: Seat) -> None:
    assert _refused(wanted, event_id=uuid4()).field == "event"
    assert _refused(wanted, seat_id=uuid4()).field == "seat"
    assert _refused(wanted, seat_id=seat.pk).field == "seat"  # of another event


@pytest.mark.parametrize("status", [SeatStatus.SOLD, SeatStatus.HELD, SeatStatus.BLOCKED])
def test_refuses_a_seat_that_is_taken_and_names_others(wanted: Seat, status: str) -> None:
    Seat.objects.filter(pk=wanted.pk).update(
        status=status, held_until=timezone.now() + timedelta(minutes=1)
    )
    refusal = _refused(wanted)
    assert refusal.field == "seat"
    assert str(refusal) == (
        f"Seat A-1 is {status} already. Name one that is available, such as A-2, A-3, A-4."
    )


def test_says_so_when_no_seat_is_left(wanted: Seat) -> None:
    Seat.objects.update(status=SeatStatus.SOLD)
    assert "use another event" in str(_refused(wanted))


def test_refuses_a_second_stampede_at_the_seat(plan: Plan, wanted: Seat) -> None:
    planned = plan()
    assert "Another stampede runs at seat A-1" in str(_refused(wanted))
    # One that nobody started is not waited for for ever.
    Stampede.objects.update(created_at=timezone.now() - timedelta(minutes=5))
    plan()
    planned.refresh_from_db()
    assert planned.state == StampedeState.INCOMPLETE


def test_lets_one_of_two_plan_at_the_same_time(plan: Plan, now: datetime) -> None:
    plans = at_once([lambda: plan(buyers=2)] * 4)
    assert sum(isinstance(each, Stampede) for each in plans) == 1
    assert sum(isinstance(each, CannotStampede) for each in plans) == 3
    assert Stampede.objects.count() == 1
    assert StampedeRegion.objects.count() == len(settings.REGIONS)
