"""Orders in two regions, whose endpoints cut connections at COMMIT and answer conflicts."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError

from accounts.models import User
from sales.idempotency import Answer
from sales.models import Event, Hold, Order, Payment, Seat
from sales.orders import PaymentUnsettled
from tests.helpers.payments import assert_paid_once, assert_sound, captures, hold, pay, settle_later
from tests.helpers.regions import Regions

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("instant_retries"),
]


def ask_until_answered(held: Hold, fan: User) -> Any:
    """Pay, and repeat with the same key as a client does whose answer is an error."""
    for _ in range(40):
        try:
            return pay(held, fan)
        except (DatabaseError, PaymentUnsettled):
            continue
    raise AssertionError("no answer in forty tries")


@pytest.mark.parametrize("cut", ["cut_after_commit", "cut_before_commit"])
@pytest.mark.parametrize("times", [1, 2, 3, 15])
def test_are_made_once_when_connections_are_cut_at_commit(
    event: Event, seats: list[Seat], fay: User, regions: Regions, cut: str, times: int
) -> None:
    held = hold(seats[:2], fay)
    control = regions.endpoints[0].control
    control.set(**{cut: times})
    (told,) = regions.at_once([(0, partial(ask_until_answered, held, fay))])
    assert not isinstance(told, Exception), told
    assert control.faults()[cut] < times
    regions.clear_faults()
    settle_later()
    order = assert_paid_once(fay)
    assert pay(held, fay) == Answer(201, {"reference": order.reference, "state": "paid"})
    assert_sound(event)


def test_are_made_once_from_two_regions_with_conflicts_and_cuts(
    event: Event, seats: list[Seat], fay: User, charlie: User, regions: Regions
) -> None:
    """Each fan asks twice in each region, all at once."""
    held = {fay: hold(seats[:2], fay), charlie: hold(seats[2:4], charlie)}
    for number, endpoint in enumerate(regions.endpoints):
        endpoint.control.set(conflict_share=0.3, seed=number, cut_after_commit=2)
    told = regions.at_once(
        [(region, partial(ask_until_answered, held[fan], fan)) for fan in held for region in (0, 1)]
    )
    regions.clear_faults()
    assert not any(isinstance(each, Exception) for each in told), told
    settle_later()
    assert set(Order.objects.values_list("fan", "state")) == {(f.pk, "paid") for f in held}
    assert [captures(each) for each in Payment.objects.all()] == [1, 1]
    assert_sound(event)
