"""The witness finds each kind of planted fault, and none where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection

from sales.cancelling import cancel_order
from sales.models import (
    Attempt,
    Event,
    LedgerEntry,
    LedgerKind,
    Order,
    OrderState,
    Outcome,
    Seat,
    SeatStatus,
    Stampede,
    Ticket,
    TicketState,
)
from sales.purchases import purchase
from sales.stampede.evidence import gather_evidence
from sales.stampede.runner import run_share
from sales.stampede.settling import start_stampede
from sales.stampede.witness import Verdict, judge
from tests.helpers.cast import make_user
from tests.helpers.stampedes import Plan

pytestmark = pytest.mark.django_db(transaction=True)


def _examine(stampede: Stampede) -> Verdict:
    return judge(gather_evidence(stampede))


def _kinds(verdict: Verdict) -> list[str]:
    return sorted(violation.kind for violation in verdict.violations)


@pytest.fixture
def held(plan: Plan, now: datetime, nobody_waits: None) -> Stampede:
    """A stampede of four that ran well."""
    planned = plan(buyers=4)
    start_stampede(stampede_id=planned.pk, now=now)
    for region in ("us-east-1", "us-east-2"):
        assert run_share(stampede_id=planned.pk, region=region)
    planned.refresh_from_db()
    return planned


@pytest.fixture
def winner(held: Stampede) -> Attempt:
    """Who was told yes."""
    return held.attempts.get(outcome=Outcome.CONFIRMED)


@pytest.fixture
def loser(held: Stampede) -> Attempt:
    """Who was told no."""
    return held.attempts.filter(outcome=Outcome.REJECTED).order_by("number")[0]


@pytest.fixture
def unguarded(db: None) -> Iterator[None]:
    """Take away the index that lets a seat have one valid ticket only."""
    (guard,) = [each for each in Ticket._meta.constraints if each.name == "one_valid_ticket_a_seat"]
    with connection.schema_editor() as editor:
        editor.remove_constraint(Ticket, guard)
    yield
    Ticket.objects.all().delete()
    with connection.schema_editor() as editor:
        editor.add_constraint(Ticket, guard)


def test_agrees_with_a_run_that_went_well(held: Stampede) -> None:
    verdict = _examine(held)
    assert verdict.agree
    assert (verdict.tickets, verdict.seats_sold, verdict.told_confirmed) == (1, 1, 1)
    assert verdict.oversold == 0


def test_agrees_when_nobody_has_come_yet(plan: Plan) -> None:
    verdict = _examine(plan())
    assert verdict.agree
    assert (verdict.tickets, verdict.seats_sold, verdict.told_confirmed) == (0, 0, 0)


@pytest.mark.parametrize("outcome", [Outcome.PENDING, Outcome.UNKNOWN])
def test_agrees_when_the_ticket_s_buyer_was_told_nothing(
    held: Stampede, winner: Attempt, outcome: Outcome
) -> None:
    Attempt.objects.filter(pk=winner.pk).update(outcome=outcome, told_order=None)
    assert _examine(held).agree


def test_agrees_when_somebody_else_was_faster(plan: Plan, now: datetime) -> None:
    planned = plan(buyers=2)
    assert planned.seat_id
    purchase(
        event_id=planned.event_id,
        seat_id=planned.seat_id,
        fan_id=make_user("outsider").pk,
        region="us-east-1",
        now=now,
    )
    planned.attempts.update(outcome=Outcome.REJECTED)
    assert _examine(planned).agree


def test_finds_a_second_ticket(
    unguarded: None, held: Stampede, winner: Attempt, loser: Attempt
) -> None:
    second = Ticket.objects.get(seat=held.seat_id)
    second.pk, second.fan_id = uuid4(), loser.fan_id
    second.save(force_insert=True)
    verdict = _examine(held)
    assert verdict.oversold == 1
    double = verdict.violations[0]
    assert (double.kind, double.seat) == ("double_sale", "A-1")
    assert double.text == "A-1 has 2 valid tickets."
    assert str(winner.fan_id) in double.who
    assert str(loser.fan_id) in double.who
    # Who was refused has a ticket; and the order was paid for one.
    assert "disagreement" in _kinds(verdict)
    assert any(f"buyer {loser.number}" in each.who for each in verdict.violations)


def test_counts_no_void_ticket(held: Stampede, winner: Attempt, loser: Attempt) -> None:
    void = Ticket.objects.get(seat=held.seat_id)
    void.pk, void.fan_id, void.state = uuid4(), loser.fan_id, TicketState.VOID
    void.save(force_insert=True)
    assert _examine(held).agree


def test_finds_two_buyers_who_were_told_yes(held: Stampede, loser: Attempt) -> None:
    Attempt.objects.filter(pk=loser.pk).update(outcome=Outcome.CONFIRMED, told_order=uuid4())
    verdict = _examine(held)
    assert _kinds(verdict) == ["double_sale", "lost_sale", "not_linearizable"]
    assert verdict.told_confirmed == 2
    assert verdict.oversold == 1
    assert all(f"buyer {loser.number} ({loser.region})" in v.who for v in verdict.violations)


def test_finds_two_buyers_who_were_told_of_one_order(
    held: Stampede, winner: Attempt, loser: Attempt
) -> None:
    Attempt.objects.filter(pk=loser.pk).update(
        outcome=Outcome.CONFIRMED, told_order=winner.told_order
    )
    assert _kinds(_examine(held)) == ["disagreement", "double_sale", "not_linearizable"]


def test_finds_a_deleted_ticket(held: Stampede, winner: Attempt) -> None:
    Ticket.objects.all().delete()
    verdict = _examine(held)
    assert _kinds(verdict) == ["lost_sale", "lost_sale"]
    assert f"buyer {winner.number} ({winner.region}) was told yes" in verdict.violations[0].text
    assert verdict.violations[1].text == "A-1 is sold, and nobody has a valid ticket."


def test_finds_a_ticket_of_a_seat_that_is_not_sold(held: Stampede) -> None:
    Seat.objects.filter(stampedes=held).update(status=SeatStatus.AVAILABLE)
    verdict = _examine(held)
    assert _kinds(verdict) == ["lost_sale"]
    assert verdict.seats_sold == 0
    assert verdict.violations[0].text == "A-1 has a valid ticket, and is available."


@pytest.mark.parametrize("outcome", [Outcome.REJECTED, Outcome.ERROR])
def test_finds_a_ticket_whose_buyer_was_told_no(
    held: Stampede, winner: Attempt, outcome: Outcome
) -> None:
    Attempt.objects.filter(pk=winner.pk).update(outcome=outcome, told_order=None)
    verdict = _examine(held)
    assert _kinds(verdict) == ["disagreement"]
    assert verdict.violations[0].text.endswith(f"has a valid ticket, and was told {outcome}.")


def test_finds_a_buyer_who_was_told_of_another_order(held: Stampede, winner: Attempt) -> None:
    Attempt.objects.filter(pk=winner.pk).update(told_order=uuid4())
    assert _kinds(_examine(held)) == ["disagreement", "lost_sale"]


def test_finds_a_removed_attempt(held: Stampede, loser: Attempt) -> None:
    loser.delete()
    verdict = _examine(held)
    assert [each.text for each in verdict.violations] == [
        "4 buyers were planned, and there are attempts of 3."
    ]


@pytest.mark.parametrize(
    ("plant", "words"),
    [
        (lambda: LedgerEntry.objects.all().delete(), "The ledger has no line"),
        (lambda: LedgerEntry.objects.update(amount_minor=1), "ledger 1."),
        (lambda: Ticket.objects.update(price_minor=1), "tickets 1,"),
        (lambda: Order.objects.update(total_minor=1), "order 1,"),
        (lambda: LedgerEntry.objects.update(currency="USD"), "are in EUR, USD"),
        (lambda: Order.objects.update(state=OrderState.CANCELLED), "is cancelled"),
        (lambda: Order.objects.update(fan=make_user("thief")), "belong to different fans"),
    ],
    ids=["no ledger", "ledger", "ticket", "order", "currency", "cancelled", "stolen"],
)
def test_finds_books_that_do_not_bear_out_the_ticket(
    held: Stampede, plant: Callable[[], object], words: str
) -> None:
    plant()
    verdict = _examine(held)
    assert _kinds(verdict) == ["disagreement"]
    assert words in verdict.violations[0].text


def test_takes_fees_for_no_difference(held: Stampede) -> None:
    Order.objects.update(total_minor=4800, fees_minor=300)
    Ticket.objects.update(fee_minor=300)
    LedgerEntry.objects.update(amount_minor=4800)
    assert _examine(held).agree


def test_takes_a_ticket_that_was_given_back_for_no_lost_sale(
    held: Stampede, winner: Attempt, now: datetime
) -> None:
    Event.objects.update(fans_cancel_until=now + timedelta(days=1))
    assert winner.told_order
    cancel_order(order_id=winner.told_order, user=winner.fan, now=now)
    verdict = _examine(held)
    assert verdict.agree, verdict.violations
    assert (verdict.tickets, verdict.seats_sold, verdict.oversold) == (0, 0, 0)


def test_finds_a_ticket_that_was_voided_for_nothing(held: Stampede, winner: Attempt) -> None:
    Ticket.objects.update(state=TicketState.VOID)
    Seat.objects.filter(stampedes=held).update(status=SeatStatus.AVAILABLE)
    assert "lost_sale" in _kinds(_examine(held))


def test_finds_a_refund_that_the_books_do_not_bear_out(
    held: Stampede, winner: Attempt, now: datetime
) -> None:
    Event.objects.update(fans_cancel_until=now + timedelta(days=1))
    assert winner.told_order
    cancel_order(order_id=winner.told_order, user=winner.fan, now=now)
    LedgerEntry.objects.filter(kind=LedgerKind.REFUND).update(amount_minor=-1)
    assert _kinds(_examine(held)) == ["disagreement"]


def test_finds_a_buyer_who_was_refused_a_seat_that_was_free(
    held: Stampede, winner: Attempt, loser: Attempt
) -> None:
    assert winner.started_at
    before = winner.started_at - timedelta(seconds=1)
    Attempt.objects.filter(pk=loser.pk).update(started_at=before, finished_at=before)
    (violation,) = _examine(held).violations
    assert violation.kind == "not_linearizable"
    assert violation.who == (
        f"buyer {loser.number} ({loser.region}), buyer {winner.number} ({winner.region})"
    )


def test_judges_every_seat_of_a_hall(plan: Plan, now: datetime, nobody_waits: None) -> None:
    planned = plan(buyers=6, shape="spread")
    start_stampede(stampede_id=planned.pk, now=now)
    for region in ("us-east-1", "us-east-2"):
        assert run_share(stampede_id=planned.pk, region=region)
    planned.refresh_from_db()
    assert _examine(planned).agree
    missing = Ticket.objects.order_by("pk")[0]
    label = missing.seat.label
    missing.delete()
    violations = _examine(planned).violations
    assert {each.seat for each in violations if each.kind == "lost_sale"} == {label}
