"""Of all who want one seat at the same instant, one gets it in the lean way too."""

from __future__ import annotations

import json
import threading
from collections import Counter
from functools import partial
from typing import Any

import pytest

from accounts.models import User
from sales.lean.purchases import Answered
from sales.models import Event, Order, Seat, StoredAnswer, Ticket
from tests.helpers.cast import at_once, make_fans
from tests.helpers.purchases import assert_sold_once
from tests.sales.lean.buying import lean_buy, token_of
from worldseat.dsql.occ import tally
from worldseat.dsql.pipelines import write_at_commit

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("instant_retries"),
]
BUYERS = 30


@pytest.fixture
def meeting(monkeypatch: pytest.MonkeyPatch) -> threading.Barrier:
    """Let all buyers read before the first one writes; who runs again waits for nobody."""
    barrier = threading.Barrier(BUYERS)
    met = threading.local()

    def wait_and_write(*arguments: Any) -> None:
        if not getattr(met, "already", False):
            met.already = True
            barrier.wait(60)
        write_at_commit(*arguments)

    monkeypatch.setattr("sales.lean.purchases.write_at_commit", wait_and_write)
    return barrier


def buy_counting(seat: Seat, token: str, key: str) -> tuple[Answered | None, int]:
    with tally() as counted:
        return lean_buy(seat, token, key=key), counted.attempts


@pytest.mark.usefixtures("meeting")
def test_one_of_thirty_gets_the_seat_and_the_others_a_refusal_that_is_kept(seat: Seat) -> None:
    tokens = [token_of(fan) for fan in make_fans(BUYERS)]
    answers: list[Any] = at_once([partial(buy_counting, seat, token, "k") for token in tokens])
    assert Counter(each.status for each, _ in answers) == {201: 1, 409: BUYERS - 1}
    # Who lost runs once more, and reads that the seat is sold.
    assert all(attempts <= 2 for _, attempts in answers)
    assert_sold_once(seat)
    assert StoredAnswer.objects.count() == BUYERS


@pytest.mark.usefixtures("meeting")
def test_a_fan_does_not_pass_the_limit_with_thirty_requests_at_once(
    event: Event, fay: User
) -> None:
    """Write skew: all of them have read that she has nothing yet."""
    Event.objects.filter(pk=event.pk).update(limit_per_fan=2)
    template = event.seats.get(guid="Floor-A-1")
    seats = [
        Seat(**{**_columns(template), "id": None, "guid": f"X-{at}", "number": f"X{at}"})
        for at in range(BUYERS)
    ]
    for seat in seats:
        seat.pk = Seat._meta.pk.get_default()
    Seat.objects.bulk_create(seats)
    token = token_of(fay)
    answers: list[Any] = at_once(
        [partial(buy_counting, seat, token, f"key-{number}") for number, seat in enumerate(seats)]
    )
    told = Counter(each.status if each else None for each, _ in answers)
    assert told[201] == 2, told
    assert Ticket.objects.filter(fan=fay).count() == 2


def _columns(seat: Seat) -> dict[str, Any]:
    return {each.attname: getattr(seat, each.attname) for each in Seat._meta.concrete_fields}


@pytest.mark.usefixtures("meeting")
def test_thirty_requests_under_one_key_have_the_effect_of_one(seat: Seat, fay: User) -> None:
    token = token_of(fay)
    answers: list[Any] = at_once([partial(buy_counting, seat, token, "k")] * BUYERS)
    assert {each.status for each, _ in answers} == {201}
    bodies = {json.dumps(json.loads(each.body)) for each, _ in answers}
    assert bodies == {json.dumps({"reference": Order.objects.get().reference})}
    assert sum(not each.replayed for each, _ in answers) == 1
