"""The one table of what may become of an order, a payment and a refund."""

from __future__ import annotations

from datetime import datetime
from itertools import product
from typing import Any

import pytest

from accounts.models import User
from sales.models import Event, Order, OrderState, Payment, PaymentState, Refund, RefundState
from sales.states import FIRST, MOVES, ForbiddenMove, move

pytestmark = pytest.mark.django_db

KINDS: dict[type[Any], Any] = {Order: OrderState, Payment: PaymentState, Refund: RefundState}


@pytest.fixture
def rows(event: Event, fay: User, now: datetime) -> dict[type[Any], Any]:
    money: dict[str, Any] = {"currency": "EUR", "created_at": now}
    order = Order.objects.create(
        event=event, fan=fay, state=OrderState.PENDING, total_minor=1, region="r", **money
    )
    money |= {"order": order, "amount_minor": 1, "changed_at": now}
    return {
        Order: order,
        Payment: Payment.objects.create(provider="test", **money),
        Refund: Refund.objects.create(**money),
    }


@pytest.mark.parametrize("kind", KINDS)
def test_allows_what_the_table_has_and_nothing_else(
    rows: dict[type[Any], Any], kind: type[Any]
) -> None:
    row = rows[kind]
    for old, new in product(KINDS[kind].values, repeat=2):
        row.state = old
        row.save()
        if new in MOVES[kind][old]:
            move(row, new)
        else:
            with pytest.raises(ForbiddenMove):
                move(row, new)
        row.refresh_from_db()
        assert row.state == (new if new in MOVES[kind][old] else old)


@pytest.mark.parametrize("kind", KINDS)
def test_can_reach_every_state_and_comes_to_an_end(kind: type[Any]) -> None:
    reached, ahead = set(FIRST[kind]), list(FIRST[kind])
    while ahead:
        new = MOVES[kind][ahead.pop()] - reached
        reached |= new
        ahead += new
    assert reached == set(KINDS[kind].values) == set(MOVES[kind])
    assert any(not moves for moves in MOVES[kind].values())


def test_never_lets_money_or_an_order_come_back_to_life() -> None:
    """What was captured is given back by a refund; what has failed or was cancelled stays so."""
    assert not MOVES[Order][OrderState.FAILED] | MOVES[Order][OrderState.CANCELLED]
    assert not MOVES[Payment][PaymentState.CAPTURED] | MOVES[Payment][PaymentState.VOIDED]
    assert OrderState.PENDING not in set().union(*MOVES[Order].values())


def test_changes_other_fields_in_the_same_statement(
    rows: dict[type[Any], Any], django_assert_num_queries: Any
) -> None:
    payment = rows[Payment]
    with django_assert_num_queries(1):
        move(payment, PaymentState.REFUSED, reason="No money.")
    payment.refresh_from_db()
    assert (payment.state, payment.reason) == ("refused", "No money.")
