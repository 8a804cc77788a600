"""A connection that breaks during COMMIT leaves it unknown whether the seat is sold."""

from __future__ import annotations

import pytest

from accounts.models import User
from sales.idempotency import Answer
from sales.models import Order, Seat
from tests.helpers.lost_commits import first_commit, lose_the_answer, lose_the_question
from tests.helpers.purchases import assert_sold_once, assert_untouched, buy, keyed
from worldseat.dsql.occ import OutcomeUnknown, tally

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("instant_retries"),
]


def test_sells_once_when_the_answer_is_lost(seat: Seat, fay: User) -> None:
    with first_commit(lose_the_answer), tally() as counted:
        answer = buy(seat, fay, keyed=keyed(fay))
    assert counted.connections_lost == 1
    assert answer == Answer(201, {"reference": Order.objects.get().reference})
    assert_sold_once(seat)


def test_sells_once_when_commit_never_arrived(seat: Seat, fay: User) -> None:
    with first_commit(lose_the_question), tally() as counted:
        order = buy(seat, fay, keyed=keyed(fay))
    assert counted.connections_lost == 1
    assert isinstance(order, Order)
    assert_sold_once(seat)


def test_says_that_it_does_not_know_without_a_key(seat: Seat, fay: User) -> None:
    """It may have sold the seat, here it has; to run again could not tell by whom."""
    with first_commit(lose_the_answer), pytest.raises(OutcomeUnknown):
        buy(seat, fay)
    assert_sold_once(seat)


def test_says_that_it_does_not_know_where_it_did_not_sell_either(seat: Seat, fay: User) -> None:
    with first_commit(lose_the_question), pytest.raises(OutcomeUnknown):
        buy(seat, fay)
    assert_untouched(seat)
