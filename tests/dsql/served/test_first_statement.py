"""OC001 at the statement that begins a transaction, where nothing can be lost yet."""

from __future__ import annotations

import pytest
from django.db import OperationalError, models, transaction

from tests.helpers.theatre import ALIAS, Make
from worldseat.dsql.base import DatabaseWrapper
from worldseat.dsql.occ import tally


def change_schema(second: DatabaseWrapper) -> None:
    """Change the schema in another session."""
    with second.cursor() as cursor:
        cursor.execute("CREATE VIEW theatre_view AS SELECT 1 AS one")


def test_begins_again_after_a_change_of_the_schema(
    served: DatabaseWrapper, second: DatabaseWrapper, make: Make
) -> None:
    seats = make("Seat", row=models.TextField())._default_manager.using(ALIAS)
    assert seats.count() == 0
    change_schema(second)
    with tally() as counted, transaction.atomic(using=ALIAS):
        seats.create(row="A")
        seats.create(row="B")
    assert seats.count() == 2
    assert counted.conflicts == 1


def test_begins_again_with_many_rows(
    served: DatabaseWrapper, second: DatabaseWrapper, make: Make
) -> None:
    seats = make("Seat", row=models.TextField())._default_manager.using(ALIAS)
    assert seats.count() == 0
    change_schema(second)
    with transaction.atomic(using=ALIAS), served.cursor() as cursor:
        cursor.executemany("INSERT INTO theatre_seat (row) VALUES (%s)", [("A",), ("B",)])
    assert seats.count() == 2


def test_lets_a_later_statement_fail_and_stores_nothing(
    served: DatabaseWrapper, second: DatabaseWrapper, make: Make
) -> None:
    seats = make("Seat", row=models.TextField())._default_manager.using(ALIAS)

    @transaction.atomic(using=ALIAS)
    def create_two() -> None:
        seats.create(row="A")
        change_schema(second)
        seats.create(row="B")

    with pytest.raises(OperationalError, match="OC001"):
        create_two()
    assert seats.count() == 0
