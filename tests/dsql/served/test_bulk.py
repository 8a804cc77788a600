"""Many rows: split where that is asked for, refused where it would pass the limit."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from django.db import models, transaction
from django.test.utils import CaptureQueriesContext

from tests.helpers.theatre import ALIAS, Make
from worldseat.dsql import bulk
from worldseat.dsql.base import DatabaseWrapper
from worldseat.dsql.bulk import StepsInTransaction
from worldseat.dsql.limits import TransactionTooLarge
from worldseat.local.endpoint.launch import Endpoint

Behind = psycopg.Connection[Any]
MANY = 3001


@pytest.fixture
def seat(make: Make) -> Any:
    """A model of seats."""
    return make("Seat", row=models.TextField(), number=models.IntegerField(default=0))


@pytest.fixture
def ticket(make: Make, seat: Any) -> Any:
    """A model of tickets, which go with their seat."""
    return make("Ticket", beside=seat, seat=models.ForeignKey(seat, models.CASCADE))


def new(model: Any, number: int) -> list[Any]:
    return [model(row=f"r{n}") for n in range(number)]


def count(behind: Behind, where: str = "true") -> int:
    row = behind.execute(f"SELECT count(*) FROM theatre_seat WHERE {where}").fetchone()  # noqa: S608
    assert row is not None
    return int(row[0])


def fill(behind: Behind, number: int) -> None:
    behind.execute(
        "INSERT INTO theatre_seat (row, number) SELECT 'r', 0 FROM generate_series(1, %s)", [number]
    )


def test_refuses_to_create_too_many_before_anything_is_sent(
    served: DatabaseWrapper, seat: Any, behind: Behind
) -> None:
    rows = seat._default_manager.using(ALIAS)
    with CaptureQueriesContext(served) as queries:
        with pytest.raises(TransactionTooLarge, match=r"worldseat\.dsql\.bulk"):
            rows.bulk_create(new(seat, MANY), batch_size=100)
        changed = [seat(pk=n, number=1) for n in range(MANY)]
        with pytest.raises(TransactionTooLarge, match=r"worldseat\.dsql\.bulk"):
            rows.bulk_update(changed, ["number"])
    assert [each["sql"] for each in queries if "theatre" in each["sql"]] == []
    assert count(behind) == 0
    rows.bulk_create(new(seat, 3000))
    assert count(behind) == 3000


def test_refuses_the_row_too_many_in_a_transaction(
    served: DatabaseWrapper, seat: Any, behind: Behind
) -> None:
    rows = seat._default_manager.using(ALIAS)

    @transaction.atomic(using=ALIAS)
    def create() -> None:
        rows.bulk_create(new(seat, 2000))
        rows.bulk_create(new(seat, 1001))

    with pytest.raises(TransactionTooLarge, match=r"worldseat\.dsql\.bulk"):
        create()
    assert count(behind) == 0


@pytest.mark.parametrize("change", ["update", "delete"])
def test_refuses_a_statement_that_changes_too_many(
    served: DatabaseWrapper, seat: Any, behind: Behind, change: str
) -> None:
    fill(behind, MANY)
    rows = seat._default_manager.using(ALIAS)
    with pytest.raises(TransactionTooLarge, match=r"worldseat\.dsql\.bulk"):
        rows.update(number=1) if change == "update" else rows.delete()
    assert count(behind, "number = 0") == MANY


def test_creates_updates_and_deletes_in_steps(
    endpoint: Endpoint, served: DatabaseWrapper, seat: Any, behind: Behind, waits: list[float]
) -> None:
    rows = seat._default_manager.using(ALIAS)
    endpoint.control.set(conflicts=1)
    assert bulk.bulk_create(rows.all(), iter(new(seat, MANY))) == MANY
    found = list(rows.all())
    for each in found:
        each.number = 1
    endpoint.control.set(conflicts=1)
    assert bulk.bulk_update(rows.all(), found, ["number"]) == MANY
    assert count(behind, "number = 1") == MANY
    endpoint.control.set(conflicts=1)
    assert bulk.update(rows.filter(number=1), number=2) == MANY
    assert count(behind, "number = 2") == MANY
    endpoint.control.set(conflicts=1)
    assert bulk.delete(rows.filter(number=2)) == MANY
    assert count(behind) == 0


def test_takes_a_slice_as_the_rows_that_it_chooses(
    served: DatabaseWrapper, seat: Any, behind: Behind
) -> None:
    fill(behind, 4)
    rows = seat._default_manager.using(ALIAS)
    last = list(rows.order_by("-pk").values_list("pk", flat=True))
    assert bulk.update(rows.order_by("-pk")[:3], number=1) == 3
    assert bulk.delete(rows.order_by("-pk")[1:3]) == 2
    assert dict(rows.values_list("pk", "number")) == {last[0]: 1, last[3]: 0}


def test_makes_smaller_steps_of_large_rows(
    served: DatabaseWrapper, seat: Any, behind: Behind
) -> None:
    large = [seat(row="x" * 1_000_000) for _ in range(11)]
    assert bulk.bulk_create(seat._default_manager.using(ALIAS).all(), large) == 11
    assert count(behind, "length(row) = 1000000") == 11


def test_makes_smaller_steps_where_rows_take_others_with_them(
    served: DatabaseWrapper, seat: Any, ticket: Any, behind: Behind
) -> None:
    fill(behind, 2000)
    behind.execute("INSERT INTO theatre_ticket (seat_id) SELECT id FROM theatre_seat")
    assert bulk.delete(seat._default_manager.using(ALIAS).all()) == 4000
    assert count(behind) == 0


def test_looks_for_what_refers_to_many(
    served: DatabaseWrapper, seat: Any, ticket: Any, behind: Behind
) -> None:
    fill(behind, MANY)
    asked = list(seat._default_manager.using(ALIAS))
    fields = [ticket._meta.get_field("seat")]
    assert served.ops.bulk_batch_size(fields, asked) == MANY


@pytest.mark.parametrize("function", ["bulk_create", "bulk_update", "update", "delete"])
def test_refuses_steps_in_a_transaction(served: DatabaseWrapper, seat: Any, function: str) -> None:
    arguments: dict[str, tuple[Any, ...]] = {
        "bulk_create": ([],),
        "bulk_update": ([], ["number"]),
    }
    rows = seat._default_manager.using(ALIAS).all()
    with transaction.atomic(using=ALIAS), pytest.raises(StepsInTransaction, match="outside"):
        getattr(bulk, function)(rows, *arguments.get(function, ()))
