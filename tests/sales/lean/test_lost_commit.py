"""A connection that breaks around the one batch that writes and commits."""

from __future__ import annotations

import json

import pytest
from django.db import DataError, connection

from accounts.models import User
from sales.lean.statements import ANSWER
from sales.models import Order, Seat
from tests.helpers.lost_commits import first_commit, lose_the_answer, lose_the_question
from tests.helpers.purchases import assert_sold_once, assert_untouched
from tests.sales.lean.buying import lean_buy, token_of
from worldseat.dsql.occ import tally
from worldseat.dsql.pipelines import Statement, Write, write_at_commit

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("instant_retries"),
]


def test_sells_once_when_the_answer_is_lost(seat: Seat, fay: User) -> None:
    token = token_of(fay)
    with first_commit(lose_the_answer), tally() as counted:
        answer = lean_buy(seat, token)
    assert counted.connections_lost == 1
    assert answer
    assert answer.replayed
    assert json.loads(answer.body) == {"reference": Order.objects.get().reference}
    assert_sold_once(seat)


def test_sells_once_when_commit_never_arrived(seat: Seat, fay: User) -> None:
    token = token_of(fay)
    with first_commit(lose_the_question), tally() as counted:
        answer = lean_buy(seat, token)
    assert counted.connections_lost == 1
    assert answer
    assert not answer.replayed
    assert_sold_once(seat)


def test_sells_on_a_connection_that_had_died_before(seat: Seat, fay: User) -> None:
    token = token_of(fay)
    connection.ensure_connection()
    connection.connection.pgconn.finish()
    with tally() as counted:
        answer = lean_buy(seat, token)
    assert answer
    assert (answer.status, counted.attempts) == (201, 2)
    assert_sold_once(seat)


@pytest.mark.parametrize("position", range(8))
def test_leaves_nothing_whichever_statement_fails(
    seat: Seat, fay: User, monkeypatch: pytest.MonkeyPatch, position: int
) -> None:
    """COMMIT is on its way already when a statement before it fails."""
    token = token_of(fay)
    bad = (Statement("bad", "SELECT 1 / $1::int"), [0])

    def write_badly(writes: list[Write]) -> None:
        assert len(writes) == 7
        write_at_commit([*writes[:position], bad, *writes[position:]])

    monkeypatch.setattr("sales.lean.purchases.write_at_commit", write_badly)
    with pytest.raises(DataError, match="division by zero"):
        lean_buy(seat, token)
    monkeypatch.undo()
    assert_untouched(seat)
    answer = lean_buy(seat, token)
    assert answer
    assert answer.status == 201
    assert_sold_once(seat)


def test_refuses_a_nul_rather_than_cut_the_text_there(seat: Seat, fay: User) -> None:
    with pytest.raises(Exception, match="NUL"):
        lean_buy(seat, token_of(fay), key="k\0ey")
    assert_untouched(seat)


def test_has_a_column_for_every_field() -> None:
    """A field that has no constant default has to be given a value: see `Insert`."""
    assert "sales_storedanswer" in ANSWER.statement.sql
