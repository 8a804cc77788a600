"""An event duplicated: its plan, prices, rules and codes, without what was sold."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.models import User
from sales.back_office.access import RoleTooLow
from sales.events import EventNotFound
from sales.models import Event, JobState, PresaleCode, PriceType, Seat, SeatStatus
from sales.organising import event_copies
from sales.organising.event_copies import duplicate_event
from sales.organising.event_states import move_event
from sales.organising.operations import Operation
from sales.organising.working import work
from tests.helpers.bulk_jobs import do
from tests.helpers.purchases import buy

pytestmark = pytest.mark.django_db(transaction=True)


def copy(event: Event, user: User, now: datetime, **changes: Any) -> Any:
    return duplicate_event(
        **{
            "event_id": event.pk,
            "user": user,
            "name": "Opening Night, again",
            "starts_at": event.starts_at + timedelta(days=7),
            "on_sale_at": event.on_sale_at + timedelta(days=7),
            "off_sale_at": event.off_sale_at + timedelta(days=7),
            "now": now,
            **changes,
        }
    )


def test_copies_seats_prices_rules_and_codes(
    event: Event, alice: User, fay: User, seats: list[Seat], now: datetime
) -> None:
    Event.objects.filter(pk=event.pk).update(limit_per_fan=3, fee_minor=150)
    PriceType.objects.create(category=seats[0].category, name="Child", price_minor=1000)
    PresaleCode.objects.create(
        event=event,
        code="EARLY",
        category=seats[0].category,
        valid_from=now,
        used=4,
        valid_until=now + timedelta(days=1),
    )
    do(event, alice, Operation(kind="block", reason="Camera"), seats[:1])
    do(event, alice, Operation(kind="accessible"), seats[2:3])
    buy(seats[1], fay)
    made, job = copy(event, alice, now, with_codes=True)
    assert made.plan_id is None
    work(job_id=job.pk)
    job.refresh_from_db()
    made.refresh_from_db()
    assert (job.state, job.report) == (JobState.DONE, {"added": 12})
    assert (made.state, made.plan_id) == ("draft", event.plan_id)
    assert (made.limit_per_fan, made.fee_minor, made.venue_id) == (3, 150, event.venue_id)
    copies = list(made.seats.in_order().select_related("category"))
    assert [seat.guid for seat in copies] == [seat.guid for seat in seats]
    assert {seat.category.event_id for seat in copies} == {made.pk}
    assert [seat.status for seat in copies[:3]] == ["blocked", "available", "available"]
    assert (copies[0].block_reason, copies[2].accessible) == ("Camera", True)
    assert PriceType.objects.get(category__event=made).name == "Child"
    code = PresaleCode.objects.get(event=made)
    assert (code.code, code.used, code.valid_from) == ("EARLY", 0, now + timedelta(days=7))
    assert code.category
    assert code.category.event_id == made.pk
    assert move_event(event_id=made.pk, user=alice, move="publish", now=now).state == "published"
    assert Seat.objects.filter(event=event, status=SeatStatus.SOLD).count() == 1


def test_goes_on_after_a_kill(
    event: Event, alice: User, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_copies, "SEATS_A_BATCH", 5)
    made, job = copy(event, alice, now)
    real = event_copies._copy_batch
    done: list[Any] = []

    def dying(**arguments: Any) -> None:
        if len(done) == 1:
            raise KeyboardInterrupt
        done.append(arguments)
        real(**arguments)

    monkeypatch.setattr(event_copies, "_copy_batch", dying)
    with pytest.raises(KeyboardInterrupt):
        work(job_id=job.pk)
    made.refresh_from_db()
    assert (made.seats.count(), made.plan_id) == (5, None)
    monkeypatch.setattr(event_copies, "_copy_batch", real)
    work(job_id=job.pk, clock=lambda: now + timedelta(minutes=5))
    made.refresh_from_db()
    assert (made.seats.count(), made.plan_id) == (12, event.plan_id)


def test_is_refused_to_others(event: Event, bob: User, charlie: User, now: datetime) -> None:
    with pytest.raises(RoleTooLow):
        copy(event, bob, now)
    with pytest.raises(EventNotFound):
        copy(event, charlie, now)
    assert Event.objects.count() == 1
