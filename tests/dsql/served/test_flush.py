"""Emptying tables: DSQL has no TRUNCATE."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from django.core.management.color import no_style
from django.db import models

from tests.helpers.theatre import Make
from worldseat.dsql.base import DatabaseWrapper

Behind = psycopg.Connection[Any]


@pytest.fixture
def tables(make: Make) -> list[str]:
    """Venues; seats, each beside another, and referring to a venue."""
    venue = make("Venue", name=models.TextField())
    seat = make(
        "Seat",
        beside=venue,
        venue=models.ForeignKey(venue, models.CASCADE),
        neighbour=models.ForeignKey("self", models.SET_NULL, null=True),
    )
    return [venue._meta.db_table, seat._meta.db_table]


def fill(behind: Behind, seats: int) -> None:
    behind.execute("INSERT INTO theatre_venue (id, name) VALUES (1, 'Globe')")
    behind.execute(
        "INSERT INTO theatre_seat (id, venue_id, neighbour_id) "
        "SELECT n, 1, CASE WHEN n < %(n)s THEN n + 1 ELSE 1 END FROM generate_series(1, %(n)s) n",
        {"n": seats},
    )


def flush(served: DatabaseWrapper, tables: list[str], **options: bool) -> list[str]:
    statements = served.ops.sql_flush(no_style(), tables, **options)
    served.ops.execute_sql_flush(statements)
    return statements


def rows(behind: Behind) -> list[int]:
    counted = behind.execute(
        "SELECT (SELECT count(*) FROM theatre_venue), (SELECT count(*) FROM theatre_seat)"
    ).fetchone()
    return list(counted or [])


# More than a transaction may change, and less.
@pytest.mark.parametrize("seats", [6500, 3])
def test_empties_tables_that_refer_to_each_other_and_to_themselves(
    served: DatabaseWrapper, tables: list[str], behind: Behind, seats: int
) -> None:
    fill(behind, seats)
    statements = flush(served, tables)
    assert rows(behind) == [0, 0]
    assert not [sql for sql in statements if "TRUNCATE" in sql]


def test_empties_tables_in_a_circle_and_leaves_what_may_not_be_null(
    served: DatabaseWrapper, tables: list[str], behind: Behind
) -> None:
    """A NOT NULL that came later is a CHECK on DSQL."""
    for change in (
        "ALTER TABLE theatre_venue ADD best bigint REFERENCES theatre_seat",
        "ALTER TABLE theatre_seat ALTER venue_id DROP NOT NULL",
        "ALTER TABLE theatre_seat ADD CHECK (venue_id IS NOT NULL)",
    ):
        behind.execute(change)
    fill(behind, 3001)
    behind.execute("UPDATE theatre_venue SET best = 1")
    flush(served, tables)
    assert rows(behind) == [0, 0]


def test_empties_what_refers_to_a_table_where_that_is_allowed(
    served: DatabaseWrapper, tables: list[str], behind: Behind
) -> None:
    fill(behind, 3)
    flush(served, ["theatre_venue"], allow_cascade=True)
    assert rows(behind) == [0, 0]


def test_counts_from_one_again_where_that_is_asked_for(
    served: DatabaseWrapper, tables: list[str], behind: Behind
) -> None:
    insert = "INSERT INTO theatre_venue (name) VALUES ('Globe') RETURNING id"
    behind.execute(insert)
    flush(served, tables)
    assert behind.execute(insert).fetchone() == (2,)
    flush(served, tables, reset_sequences=True)
    assert behind.execute(insert).fetchone() == (1,)
