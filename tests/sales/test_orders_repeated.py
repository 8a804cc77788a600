"""An order asked for again with its key, wherever the first request ended, is the one order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from sales.idempotency import Answer, KeyReused
from sales.models import Event, Order, Payment, Seat, StoredAnswer
from sales.payments import Authorization
from sales.payments.scripted import TestProvider, remembered
from sales.settlement import Settled
from tests.helpers.cast import at_once
from tests.helpers.lost_commits import lose_the_answer, lose_the_question
from tests.helpers.payments import (
    assert_paid_once,
    assert_sound,
    hold,
    keyed,
    pay,
    settle_later,
)
from worldseat.dsql.occ import tally

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("instant_retries"),
]

# The order is begun, settled, and its money noted.
COMMITS = 3


class Died(BaseException):
    """The process is gone, as with kill -9: no handler of errors runs."""


@contextmanager
def at_commit(number: int, action: Callable[[Callable[[], None]], None]) -> Iterator[None]:
    """Let an action stand in for a COMMIT, counted from 1; it is given the real one."""
    real = connection._commit  # type: ignore[attr-defined] # what Django itself calls
    seen = 0

    def commit() -> None:
        nonlocal seen
        seen += 1
        (action if seen == number else _commit)(real)

    connection._commit = commit  # type: ignore[attr-defined]
    try:
        yield
    finally:
        connection._commit = real  # type: ignore[attr-defined]
        connection.close()


def _commit(real: Callable[[], None]) -> None:
    real()


def die_before(commit: Callable[[], None]) -> None:
    """Die before COMMIT is sent; the server then undoes what was done."""
    connection.connection.rollback()
    raise Died


def die_after(commit: Callable[[], None]) -> None:
    """Die when COMMIT is done, before anything else is."""
    commit()
    raise Died


@pytest.mark.parametrize("lose", [lose_the_answer, lose_the_question])
@pytest.mark.parametrize("number", range(1, COMMITS + 1))
def test_is_made_once_when_a_commit_gets_no_answer(
    event: Event, seats: list[Seat], fay: User, number: int, lose: Any
) -> None:
    held = hold(seats[:2], fay)
    with at_commit(number, lose), tally() as counted:
        pay(held, fay)
    assert counted.connections_lost == 1
    order = assert_paid_once(fay)
    assert pay(held, fay) == Answer(201, {"reference": order.reference, "state": "paid"})
    assert_sound(event)


@pytest.mark.parametrize("die", [die_before, die_after])
@pytest.mark.parametrize("number", range(1, COMMITS + 1))
@pytest.mark.parametrize("again", ["she asks again", "the task comes"])
def test_is_made_once_when_its_process_dies_at_a_commit(
    event: Event, seats: list[Seat], fay: User, number: int, die: Any, again: str
) -> None:
    held = hold(seats[:2], fay)
    with at_commit(number, die), pytest.raises(Died):
        pay(held, fay)
    assert_sound(event)
    never_began = (number, die) == (1, die_before)
    if again == "she asks again":
        pay(held, fay)
    settle_later()
    if again == "the task comes" and (never_began or (number, die) == (1, die_after)):
        # Nobody had asked the provider yet, and nobody will: she has gone.
        assert not Order.objects.filter(state="paid").exists()
        assert not any(remembered(each.pk).get("captures") for each in Payment.objects.all())
    else:
        assert_paid_once(fay)
    assert_sound(event)


class DiesAsking(TestProvider):
    """Its caller dies during one of the calls."""

    during = ""
    answered = False

    def authorize(self, **asked: Any) -> Authorization:
        """Authorize; with `answered`, before the caller dies."""
        found: Authorization = self._call("authorize", partial(super().authorize, **asked))
        return found

    def capture(self, **asked: Any) -> None:
        """Capture, likewise."""
        self._call("capture", partial(super().capture, **asked))

    def void(self, **asked: Any) -> None:
        """Void, likewise."""
        self._call("void", partial(super().void, **asked))

    def _call(self, name: str, call: Callable[[], Any]) -> Any:
        dies = type(self).during == name
        if dies:
            type(self).during = ""
        if dies and not self.answered:
            raise Died
        result = call()
        if dies:
            raise Died
        return result


@pytest.fixture
def deadly(settings: Any) -> Iterator[type[DiesAsking]]:
    settings.PAYMENT_PROVIDERS = {"deadly": f"{__name__}.DiesAsking"}
    yield DiesAsking
    DiesAsking.during = ""


@pytest.mark.parametrize("during", ["authorize", "capture"])
@pytest.mark.parametrize("answered", [False, True])
def test_is_paid_once_when_its_process_dies_while_it_asks(
    event: Event, seats: list[Seat], fay: User, deadly: Any, during: str, *, answered: bool
) -> None:
    held = hold(seats[:2], fay)
    deadly.during, deadly.answered = during, answered
    with pytest.raises(Died):
        pay(held, fay, provider="deadly")
    assert_sound(event)
    pay(held, fay, provider="deadly")
    settle_later()
    assert_paid_once(fay)
    assert_sound(event)


def test_is_asked_by_many_at_once_and_made_once(event: Event, seats: list[Seat], fay: User) -> None:
    held = hold(seats[:2], fay)
    answers = at_once([partial(pay, held, fay, token="tok_slow") for _ in range(6)])
    order = assert_paid_once(fay)
    said = Answer(201, {"reference": order.reference, "state": "paid"})
    assert all(isinstance(each, Settled) or each == said for each in answers), answers
    assert StoredAnswer.objects.filter(key="pay-1").get().subject == order.pk
    assert_sound(event)


def test_is_refused_to_all_who_ask_at_once(event: Event, seats: list[Seat], fay: User) -> None:
    held = hold(seats[:2], fay)
    answers = at_once([partial(pay, held, fay, token="tok_refused") for _ in range(4)])
    said = Answer(402, {"reference": Order.objects.get().reference, "state": "failed"})
    assert all(isinstance(each, Settled) or each == said for each in answers), answers
    assert_sound(event)


def test_is_settled_by_a_repeat_and_the_task_at_once(
    event: Event, seats: list[Seat], fay: User
) -> None:
    held = hold(seats[:2], fay)
    with at_commit(2, die_before), pytest.raises(Died):
        pay(held, fay)
    calls: list[Callable[[], object]] = [partial(pay, held, fay), settle_later]
    at_once(calls * 2)
    assert_paid_once(fay)
    assert_sound(event)


def test_is_told_what_became_of_it_meanwhile(event: Event, seats: list[Seat], fay: User) -> None:
    """The task settled it; the repeat is answered as the first request would have been."""
    held = hold(seats[:2], fay)
    with at_commit(2, die_before), pytest.raises(Died):
        pay(held, fay)
    settle_later()
    order = Order.objects.get()
    said = Answer(201, {"reference": order.reference, "state": "paid"})
    assert pay(held, fay) == said
    Order.objects.update(state="cancelled")
    assert pay(held, fay) == said


def test_keeps_its_key_for_itself_from_the_first_moment(seats: list[Seat], fay: User) -> None:
    held = hold(seats[:1], fay)
    with at_commit(1, die_after), pytest.raises(Died):
        pay(held, fay)
    with pytest.raises(KeyReused):
        pay(held, fay, keyed=keyed(fay, fingerprint="e" * 64))
