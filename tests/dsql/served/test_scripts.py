"""Migrations' own SQL: RunSQL."""

from __future__ import annotations

import pytest
from django.db import models
from django.db.migrations import RunSQL
from django.db.migrations.state import ProjectState

from tests.helpers.theatre import Behind, Make, definitions, fill
from worldseat.dsql.base import DatabaseWrapper
from worldseat.dsql.jobs import JobFailed


def run(served: DatabaseWrapper, sql: str) -> None:
    """Run a script as a migration does."""
    with served.schema_editor() as editor:
        RunSQL(sql).database_forwards("theatre", editor, ProjectState(), ProjectState())


def test_runs_each_statement_of_a_script_by_itself(served: DatabaseWrapper, behind: Behind) -> None:
    run(
        served,
        """
        CREATE TABLE theatre_note (text text); -- DDL and DML; never in one transaction
        INSERT INTO theatre_note VALUES ('a; b'), ('50%');
        CREATE VIEW theatre_notes AS SELECT text FROM theatre_note;
        """,
    )
    assert behind.execute("SELECT text FROM theatre_notes").fetchall() == [("a; b",), ("50%",)]


def test_waits_for_the_index_that_a_script_builds(
    served: DatabaseWrapper, make: Make, behind: Behind
) -> None:
    make("Seat", row=models.TextField())
    fill(behind, "theatre_seat", 3000)
    run(served, "CREATE INDEX ASYNC by_row ON theatre_seat (row)")
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_row'::regclass"
    assert behind.execute(valid).fetchone() == (True,)


@pytest.mark.parametrize(
    "sql",
    [
        'CREATE UNIQUE INDEX ASYNC "One Hall" ON theatre_seat (hall)',
        "ALTER TABLE theatre_seat ADD CONSTRAINT other_hall CHECK (hall <> 'a') NOT VALID;"
        "ALTER TABLE ASYNC theatre_seat VALIDATE CONSTRAINT other_hall",
    ],
)
def test_takes_back_what_a_failed_job_has_left(
    served: DatabaseWrapper, make: Make, behind: Behind, sql: str
) -> None:
    make("Seat", row=models.TextField(), hall=models.TextField(db_default="a"))
    fill(behind, "theatre_seat", 2)
    before = definitions(behind, "theatre_seat")
    with pytest.raises(JobFailed):
        run(served, sql)
    assert definitions(behind, "theatre_seat") == before
