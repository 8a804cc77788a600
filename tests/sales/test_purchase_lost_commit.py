"""A connection that breaks during COMMIT leaves it unknown whether the seat is sold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import OperationalError, connection

from accounts.models import User
from sales.idempotency import Answer
from sales.models import Order, Seat
from tests.sales.buying import assert_sold_once, assert_untouched, buy, keyed
from worldseat.dsql.occ import OutcomeUnknown, tally

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("instant_retries"),
]


@contextmanager
def first_commit(action: Callable[[Callable[[], None]], None]) -> Iterator[None]:
    """Let an action stand in for the first COMMIT; it is given the real one."""
    real = connection._commit  # type: ignore[attr-defined] # what Django itself calls

    def commit() -> None:
        connection._commit = real  # type: ignore[attr-defined]
        action(real)

    connection._commit = commit  # type: ignore[attr-defined]
    try:
        yield
    finally:
        connection._commit = real  # type: ignore[attr-defined]


def lose_the_answer(commit: Callable[[], None]) -> None:
    """Commit, and lose the connection before the answer is there."""
    commit()
    connection.connection.close()
    cause = psycopg.OperationalError("server closed the connection unexpectedly")
    raise OperationalError(*cause.args) from cause


def lose_the_question(commit: Callable[[], None]) -> None:
    """Lose the connection for real, before COMMIT gets to the server."""
    backend = connection.connection.info.backend_pid
    params = connection.fresh_connection_params()  # type: ignore[attr-defined] # our backend
    for ours in ("cursor_factory", "context", "prepare_threshold"):
        params.pop(ours, None)
    with psycopg.connect(**params, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
    commit()


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
