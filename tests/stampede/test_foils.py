"""The same buyers on PostgreSQL's default isolation, and on tables without the unique index."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from django.db import connection

from sales.models import Outcome, Seat, SeatStatus, Stampede, StampedeState, Ticket
from sales.stampede.buyers import Told, Wish
from sales.stampede.contenders import CONTENDERS, run_of
from sales.stampede.runner import run_share
from sales.stampede.settling import prepare_stampede, settle, start_stampede, stop_stampede
from tests.helpers.cast import at_once
from tests.helpers.stampedes import Plan

pytestmark = pytest.mark.django_db(transaction=True)

REGIONS = ("us-east-1", "us-east-2")


def _run(planned: Stampede) -> Stampede:
    prepare_stampede(stampede_id=planned.pk)
    prepare_stampede(stampede_id=planned.pk)  # as when its task is delivered twice
    assert start_stampede(stampede_id=planned.pk, now=planned.created_at) == list(REGIONS)
    shares = [partial(run_share, stampede_id=planned.pk, region=region) for region in REGIONS]
    assert at_once(shares) == [True, True]
    planned.refresh_from_db()
    assert planned.state == StampedeState.FINISHED
    assert planned.report
    assert planned.report["errors"] == planned.report["unknown"] == planned.report["missing"] == 0
    return planned


def _schemas() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'stampede%%'")
        return [name for (name,) in cursor.fetchall()]


@pytest.fixture(autouse=True)
def _tidy(db: None) -> Iterator[None]:
    """Look that no run leaves its tables behind."""
    yield
    assert _schemas() == []


def test_oversells_at_read_committed_and_the_witness_shows_how(plan: Plan, wanted: Seat) -> None:
    report = _run(plan(buyers=30, contender="read-committed")).report
    assert report
    assert report["oversold"] == report["confirmed"] - 1 > 0
    assert report["oversold_minor"] == report["oversold"] * 4500
    assert not report["witness"]["agree"]
    assert report["witness"]["tickets"] == report["confirmed"]
    kinds = [each["kind"] for each in report["witness"]["violations"]]
    assert set(kinds) == {"double_sale", "not_linearizable"}
    (shown,) = [e for e in report["witness"]["violations"] if "both told yes" in e["text"]][:1]
    assert shown["who"].count("buyer ") == 2
    # Nothing of it is the product's.
    wanted.refresh_from_db()
    assert wanted.status == SeatStatus.AVAILABLE
    assert not Ticket.objects.exists()


@pytest.mark.parametrize("contender", ["select-for-update", "conditional-update"])
def test_sells_once_with_a_lock_or_a_condition(plan: Plan, contender: str) -> None:
    report = _run(plan(buyers=30, contender=contender)).report
    assert report
    assert (report["confirmed"], report["rejected"], report["oversold"]) == (1, 29, 0)
    assert report["witness"]["agree"]


def test_sells_a_seat_again_that_is_sold_in_the_product(plan: Plan, wanted: Seat) -> None:
    Seat.objects.filter(pk=wanted.pk).update(status=SeatStatus.SOLD)
    report = _run(plan(buyers=2, contender="conditional-update")).report
    assert report
    assert report["confirmed"] == 1


def test_runs_the_product_s_statements(plan: Plan, now: datetime) -> None:
    """A foil that read or wrote something else would prove nothing."""
    assert _statements(plan, "read-committed", now) == _statements(plan, "dsql", now)


def _statements(plan: Plan, contender: str, now: datetime) -> list[str]:
    """Return what one buyer's purchase sends, without its values."""
    planned = plan(buyers=1, contender=contender)
    prepare_stampede(stampede_id=planned.pk)
    (attempt,) = planned.attempts.all()
    wish = Wish(
        attempt_id=attempt.pk,
        event_id=planned.event_id,
        seat_id=attempt.seat_id,
        fan_id=attempt.fan_id,
        region=attempt.region,
    )
    chosen, run, sent = CONTENDERS[contender], run_of(planned), list[str]()

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        sent.append(sql)
        return execute(sql, params, many, context)

    def buy_one() -> Told:
        with chosen.open(run, attempt.region, [attempt.fan_id]) as shop:
            shop.enter()
            with connection.execute_wrapper(note):
                told = shop.buy(wish, now)
            shop.leave()
        return told

    (told,) = at_once([buy_one])  # on a thread of its own, as buyers are
    assert isinstance(told, Told)
    assert told.outcome == Outcome.CONFIRMED
    planned.delete()
    chosen.drop(run)
    return sent


def test_reads_what_was_sold_when_it_is_stopped(plan: Plan) -> None:
    planned = plan(buyers=4, contender="read-committed")
    prepare_stampede(stampede_id=planned.pk)
    assert len(_schemas()) == 1
    stop_stampede(stampede_id=planned.pk, now=planned.created_at)
    assert start_stampede(stampede_id=planned.pk, now=planned.created_at) == []
    found = settle(stampede_id=planned.pk, now=planned.created_at)
    assert found
    assert found.state == StampedeState.STOPPED
    assert found.report
    assert found.report["missing"] == 4
    assert found.report["witness"]["agree"]


def test_drops_what_a_killed_run_left(plan: Plan, wanted: Seat) -> None:
    lost = plan(buyers=2, contender="read-committed")
    prepare_stampede(stampede_id=lost.pk)
    (left,) = _schemas()
    lost.delete()
    _run(plan(buyers=2, contender="read-committed"))
    assert left not in _schemas()


def test_leaves_two_at_once_alone(plan: Plan, wanted: Seat) -> None:
    one, other = (plan(buyers=6, contender="conditional-update") for _ in range(2))
    prepare_stampede(stampede_id=one.pk)
    prepare_stampede(stampede_id=other.pk)
    assert len(_schemas()) == 2
    for planned in (one, other):
        assert start_stampede(stampede_id=planned.pk, now=planned.created_at)
    shares = [
        partial(run_share, stampede_id=planned.pk, region=region)
        for planned in (one, other)
        for region in REGIONS
    ]
    assert at_once(shares) == [True] * 4
    for planned in (one, other):
        planned.refresh_from_db()
        assert planned.report
        assert planned.report["confirmed"] == 1
        assert planned.report["witness"]["agree"]
