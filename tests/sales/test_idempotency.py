"""A purchase repeated with its key has the effect of one."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from accounts.models import User
from sales.idempotency import (
    KEPT_FOR,
    Answer,
    KeyReused,
    RequestKey,
    fingerprint,
    store_refusal,
)
from sales.models import Order, Seat, StoredAnswer
from sales.seats import SeatTaken
from tests.helpers.cast import at_once
from tests.helpers.purchases import assert_sold_once, buy, keyed, meeting_at

pytestmark = pytest.mark.django_db(transaction=True)

REFUSED = Answer(409, {"code": "seat-taken"})


def asked(fan: User, **changes: Any) -> RequestKey:
    return keyed(fan, **changes).request


def test_answers_a_repeat_with_the_first_answer(seat: Seat, fay: User) -> None:
    order = buy(seat, fay, keyed=keyed(fay))
    assert isinstance(order, Order)
    assert buy(seat, fay, keyed=keyed(fay)) == Answer(201, {"reference": order.reference})
    assert_sold_once(seat)


def test_sells_again_under_another_key(seats: list[Seat], fay: User) -> None:
    buy(seats[0], fay, keyed=keyed(fay, key="one"))
    assert isinstance(buy(seats[1], fay, keyed=keyed(fay, key="two")), Order)


def test_refuses_the_key_of_another_request(seats: list[Seat], fay: User) -> None:
    buy(seats[0], fay, keyed=keyed(fay))
    with pytest.raises(KeyReused):
        buy(seats[1], fay, keyed=keyed(fay, fingerprint="e" * 64))
    assert Order.objects.count() == 1


def test_keeps_the_keys_of_fans_apart(seats: list[Seat], fay: User, charlie: User) -> None:
    buy(seats[0], fay, keyed=keyed(fay))
    assert isinstance(buy(seats[1], charlie, keyed=keyed(charlie)), Order)


def test_forgets_a_key_after_its_time(seats: list[Seat], fay: User, now: datetime) -> None:
    buy(seats[0], fay, now=now, keyed=keyed(fay))
    last = now + KEPT_FOR - timedelta(seconds=1)
    assert isinstance(buy(seats[0], fay, now=last, keyed=keyed(fay)), Answer)
    order = buy(seats[1], fay, now=now + KEPT_FOR, keyed=keyed(fay, fingerprint="e" * 64))
    assert isinstance(order, Order)
    assert StoredAnswer.objects.get().body == {"reference": order.reference}


def test_keeps_no_answer_of_a_sale_that_failed(seat: Seat, fay: User) -> None:
    Seat.objects.update(status="sold")
    with pytest.raises(SeatTaken):
        buy(seat, fay, keyed=keyed(fay))
    assert not StoredAnswer.objects.exists()


def test_sells_once_when_a_request_is_sent_twice_at_once(seat: Seat, fay: User) -> None:
    both_have_begun = threading.Barrier(2)
    answers = at_once(
        [
            partial(
                meeting_at,
                partial(both_have_begun.wait, 30),
                'UPDATE "sales_seat"',
                partial(buy, seat, fay, keyed=keyed(fay)),
            )
            for _ in range(2)
        ]
    )
    order = next(each for each in answers if isinstance(each, Order))
    assert Answer(201, {"reference": order.reference}) in answers
    assert_sold_once(seat)


def test_keeps_a_refusal(seat: Seat, fay: User, now: datetime) -> None:
    assert store_refusal(request=asked(fay), answer=REFUSED, now=now) is REFUSED
    assert buy(seat, fay, now=now, keyed=keyed(fay)) == REFUSED
    assert not Order.objects.exists()


def test_answers_a_refusal_with_what_was_answered_first(
    seat: Seat, fay: User, now: datetime
) -> None:
    order = buy(seat, fay, now=now, keyed=keyed(fay))
    assert isinstance(order, Order)
    first = store_refusal(request=asked(fay), answer=REFUSED, now=now)
    assert first == Answer(201, {"reference": order.reference})
    with pytest.raises(KeyReused):
        store_refusal(request=asked(fay, fingerprint="e" * 64), answer=REFUSED, now=now)


def test_settles_two_refusals_at_once_on_one_answer(fay: User, now: datetime) -> None:
    both_have_begun = threading.Barrier(2)
    refusals = [Answer(409, {"number": number}) for number in range(2)]
    answers = at_once(
        [
            partial(
                meeting_at,
                partial(both_have_begun.wait, 30),
                'INSERT INTO "sales_storedanswer"',
                partial(store_refusal, request=asked(fay), answer=refusal, now=now),
            )
            for refusal in refusals
        ]
    )
    assert answers[0] == answers[1]
    assert StoredAnswer.objects.get().body == answers[0].body  # type: ignore[union-attr] # or fail


def test_tells_requests_apart_by_method_path_and_body() -> None:
    one = fingerprint(method="POST", path="/a/", body={"seat": "1", "note": "x"})
    assert one == fingerprint(method="POST", path="/a/", body={"note": "x", "seat": "1"})
    others = {
        fingerprint(method="PUT", path="/a/", body={"seat": "1", "note": "x"}),
        fingerprint(method="POST", path="/b/", body={"seat": "1", "note": "x"}),
        fingerprint(method="POST", path="/a/", body={"seat": "2", "note": "x"}),
    }
    assert len(others | {one}) == 4
