"""inspectdb and introspection say what the models said."""

from __future__ import annotations

import io
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import models

from tests.helpers.theatre import ALIAS, Make
from worldseat.dsql.base import DatabaseWrapper


@pytest.fixture
def seat(make: Make) -> Any:
    """A table with a bit of everything that DSQL's catalog says in its own way."""
    venue = make("Venue", address=models.GenericIPAddressField())
    return make(
        "Seat",
        beside=venue,
        venue=models.ForeignKey(venue, models.CASCADE),
        row=models.CharField(max_length=9),
        number=models.SmallIntegerField(),
        price=models.DecimalField(max_digits=9, decimal_places=2, null=True),
        code=models.UUIDField(unique=True),
        data=models.JSONField(),
        sold=models.DateTimeField(null=True, db_index=True),
        meta={
            "unique_together": [("row", "number")],
            "indexes": [
                models.Index(fields=["row"], include=["price"], name="covering"),
                models.Index(fields=["price"], condition=models.Q(number=1), name="partial"),
            ],
        },
    )


def test_inspects_the_models_back(served: DatabaseWrapper, seat: Any) -> None:
    # An ALTERed NOT NULL is a CHECK on DSQL.
    late = models.TextField(default="")
    late.set_attributes_from_name("late")
    late.model = seat
    with served.schema_editor() as editor:
        editor.add_field(seat, late)
    out = io.StringIO()
    call_command("inspectdb", "theatre_venue", "theatre_seat", database=ALIAS, stdout=out)
    lines = {line.strip() for line in out.getvalue().splitlines()}
    assert {
        "id = models.BigAutoField(primary_key=True)  # AutoField?",
        "address = models.CharField(max_length=39)",
        "venue = models.ForeignKey(TheatreVenue, models.DO_NOTHING)",
        "row = models.CharField(max_length=9)",
        "number = models.SmallIntegerField()",
        "price = models.DecimalField(max_digits=9, decimal_places=2, blank=True, null=True)",
        "code = models.UUIDField(unique=True)",
        "data = models.JSONField()",
        "sold = models.DateTimeField(blank=True, null=True)",
        "late = models.TextField()",
        "unique_together = (('row', 'number'),)",
    } <= lines
    assert "unable to" not in out.getvalue().lower()


def test_reads_constraints_and_indexes(served: DatabaseWrapper, seat: Any) -> None:
    with served.cursor() as cursor:
        found = served.introspection.get_constraints(cursor, "theatre_seat")
    assert found["covering"]["columns"] == ["row", "price"]
    assert found["covering"]["type"] == found["partial"]["type"] == models.Index.suffix
    assert found["partial"]["columns"] == ["price"]
    kinds = {
        tuple(each["columns"] or ()): (each["unique"], each["primary_key"], each["foreign_key"])
        for each in found.values()
        if each["unique"] or each["foreign_key"]
    }
    assert kinds == {
        ("id",): (True, True, None),
        ("code",): (True, False, None),
        ("row", "number"): (True, False, None),
        ("venue_id",): (False, False, ("theatre_venue", "id")),
    }
    assert not [name for name, each in found.items() if each["check"]]


def test_knows_the_access_method_of_dsql(
    served: DatabaseWrapper, seat: Any, behind: psycopg.Connection[Any]
) -> None:
    # DSQL's B-trees say btree_index; the PostgreSQL behind the endpoint can be told to.
    behind.execute("UPDATE pg_am SET amname = 'btree_index' WHERE amname = 'btree'")
    try:
        with served.cursor() as cursor:
            found = served.introspection.get_constraints(cursor, "theatre_seat")
        assert {each["type"] for each in found.values() if each["index"]} == {models.Index.suffix}
        assert found["covering"]["columns"] == ["row", "price"]
        assert found["covering"]["orders"] == ["ASC", "ASC"]
        assert found["partial"]["orders"] == ["ASC"]
    finally:
        behind.execute("UPDATE pg_am SET amname = 'btree' WHERE amname = 'btree_index'")
