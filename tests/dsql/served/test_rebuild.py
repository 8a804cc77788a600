"""Tables made anew: for another primary key, and for columns that cannot be added or dropped."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, NotSupportedError, models
from django.db.models.functions import Upper
from django.test.utils import isolate_apps

from tests.helpers.databases import empty_schema
from tests.helpers.interrupted_migrations import Stopped, Stops
from tests.helpers.theatre import Behind, Make, add, alter, definitions, field_of, fill
from worldseat.dsql.base import DatabaseWrapper

_ANY_NAME = re.compile(r"theatre_seat_row_\w+")
Change = Callable[[DatabaseWrapper, type[models.Model]], None]


def seats(make: Make, behind: Behind, rows: int = 3) -> type[models.Model]:
    """Make a table with a counting key, what can hang on it, and rows."""
    model = make(
        "Seat",
        row=models.CharField(max_length=9, unique=True),
        hall=models.CharField(max_length=9, db_default="big", db_index=True),
        meta={
            "indexes": [models.Index(Upper("row"), name="upper_row")],
            "constraints": [models.CheckConstraint(condition=~models.Q(row=""), name="has_row")],
        },
    )
    fill(behind, "theatre_seat", rows)
    return model


def tickets(make: Make, behind: Behind, seat: type[models.Model]) -> None:
    """Make a table that refers to the seats."""
    make("Ticket", seat=models.ForeignKey(seat, models.CASCADE))
    behind.execute("INSERT INTO theatre_ticket (seat_id) SELECT id FROM theatre_seat")


def facts(behind: Behind) -> dict[str, Any]:
    """Return columns, rows, indexes and constraints of the seats, and what refers to them."""
    rows = behind.execute("SELECT * FROM theatre_seat ORDER BY row")
    return {
        "columns": [column.name for column in rows.description or ()],
        "rows": rows.fetchall(),
        # The index of a key is named after the table it was made with, that of a unique column
        # after who made it.
        "hanging": [
            _ANY_NAME.sub("", text)
            for text in definitions(behind, "theatre_seat")
            if "pkey" not in text
        ],
        "references": behind.execute(
            "SELECT conrelid::regclass::text, pg_get_constraintdef(oid), convalidated "
            "FROM pg_constraint WHERE contype = 'f' ORDER BY 1"
        ).fetchall(),
    }


def key_of_another_type(served: DatabaseWrapper, seat: type[models.Model]) -> None:
    alter(served, seat, "id", models.CharField(max_length=9, primary_key=True))


def another_key(served: DatabaseWrapper, seat: type[models.Model]) -> None:
    alter(served, seat, "row", models.CharField(max_length=9, primary_key=True))


def no_key(served: DatabaseWrapper, seat: type[models.Model]) -> None:
    with served.schema_editor() as editor:
        editor.remove_field(seat, seat._meta.get_field("id"))  # type: ignore[arg-type]  # a column


def new_counting_key(served: DatabaseWrapper, seat: type[models.Model]) -> None:
    no_key(served, seat)
    add(served, seat, "number", models.AutoField(primary_key=True))


def computed_column(served: DatabaseWrapper, seat: type[models.Model]) -> None:
    computed: models.Field[Any, Any] = models.GeneratedField(
        expression=Upper("hall"),
        output_field=models.CharField(max_length=9, db_index=True),
        db_persist=True,
    )
    computed.contribute_to_class(seat, "shouted")
    with served.schema_editor() as editor:
        editor.add_field(seat, computed)


@pytest.mark.parametrize(
    "change", [key_of_another_type, another_key, no_key, new_counting_key, computed_column]
)
def test_ends_the_same_after_a_stop_at_every_statement(
    served: DatabaseWrapper, make: Make, behind: Behind, backend_url: str, change: Change
) -> None:
    change(served, seats(make, behind))
    undisturbed = facts(behind)
    assert len(undisturbed["rows"]) == 3
    empty_schema(backend_url)
    served.close()
    seat, stops = seats(make, behind), Stops()
    while not _is_done(served, seat, change, stops):
        served.close()
    assert len(stops.seen) > 8
    assert facts(behind) == undisturbed


def _is_done(
    served: DatabaseWrapper, seat: type[models.Model], change: Change, stops: Stops
) -> bool:
    try:
        with served.execute_wrapper(stops):
            change(served, seat)
    except Stopped:
        return False
    return True


@pytest.mark.parametrize("change", [key_of_another_type, computed_column])
def test_ends_with_the_same_references(
    served: DatabaseWrapper, behind: Behind, backend_url: str, change: Change
) -> None:
    change(served, seats_with_tickets(served, behind))
    undisturbed = facts(behind)
    assert len(undisturbed["references"]) == 1
    empty_schema(backend_url)
    served.close()
    seat, stops = seats_with_tickets(served, behind), Stops()
    while not _is_done(served, seat, change, stops):
        served.close()
    assert facts(behind) == undisturbed


def seats_with_tickets(served: DatabaseWrapper, behind: Behind) -> type[models.Model]:
    """Make seats and tickets that know of each other, and a row of each."""
    with isolate_apps("tests"):

        class Seat(models.Model):  # noqa: DJ008 - shown to nobody
            row = models.TextField()
            hall = models.TextField(default="")

            class Meta:
                # Only the models of an app of the registry find each other.
                app_label = "tests"
                db_table = "theatre_seat"

        class Ticket(models.Model):  # noqa: DJ008 - shown to nobody
            seat = models.ForeignKey(Seat, models.CASCADE)

            class Meta:
                app_label = "tests"
                db_table = "theatre_ticket"

    with served.schema_editor() as editor:
        editor.create_model(Seat)
        editor.create_model(Ticket)
    behind.execute("INSERT INTO theatre_seat (row, hall) VALUES ('a', 'big')")
    behind.execute("INSERT INTO theatre_ticket (seat_id) VALUES (1)")
    return Seat


def test_keeps_what_hangs_on_the_table(served: DatabaseWrapper, make: Make, behind: Behind) -> None:
    seat = seats(make, behind, rows=3200)
    tickets(make, behind, seat)
    before = facts(behind)
    computed_column(served, seat)
    after = facts(behind)
    assert set(before["hanging"]) < set(after["hanging"])
    assert after["references"] == before["references"]
    assert after["rows"] == [(*row, "BIG") for row in before["rows"]]
    behind.execute("INSERT INTO theatre_seat (row) VALUES ('new')")
    added = behind.execute("SELECT id, hall, shouted FROM theatre_seat WHERE row = 'new'")
    assert added.fetchall() == [(3201, "big", "BIG")]


def test_refuses_what_a_foreign_key_of_no_model_stands_against(
    served: DatabaseWrapper, make: Make, behind: Behind
) -> None:
    seat = seats(make, behind)
    # Made beside the seats' registry of models, which does not know it.
    tickets(make, behind, seat)
    before = facts(behind)
    with pytest.raises(NotSupportedError, match="theatre_ticket refers to id"):
        key_of_another_type(served, seat)
    assert facts(behind) == before


def test_lets_nobody_refer_to_what_is_unique_no_more(
    served: DatabaseWrapper, make: Make, behind: Behind
) -> None:
    seat = seats(make, behind)
    tickets(make, behind, seat)
    before = facts(behind)
    with pytest.raises(NotSupportedError, match="theatre_ticket refers to id") as caught:
        another_key(served, seat)
    assert "Nothing was changed" in str(caught.value)
    assert facts(behind) == before


def test_loses_no_row_to_a_key_that_repeats(
    served: DatabaseWrapper, make: Make, behind: Behind
) -> None:
    seat = seats(make, behind)
    before = facts(behind)
    with pytest.raises(IntegrityError, match="duplicate key"):
        alter(served, seat, "hall", models.CharField(max_length=9, primary_key=True))
    after = facts(behind)
    assert after["rows"] == before["rows"]
    behind.execute("UPDATE theatre_seat SET hall = row")
    alter(served, seat, "hall", models.CharField(max_length=9, primary_key=True))
    assert "PRIMARY KEY (hall)" in definitions(behind, "theatre_seat")


def test_counts_on_where_a_key_begins_to_count(
    served: DatabaseWrapper, make: Make, behind: Behind
) -> None:
    seat = make("Seat", id=models.IntegerField(primary_key=True), row=models.TextField())
    behind.execute("INSERT INTO theatre_seat VALUES (41, 'a')")
    alter(served, seat, "id", models.AutoField(primary_key=True))
    fill(behind, "theatre_seat", 1)
    assert behind.execute("SELECT id FROM theatre_seat ORDER BY id").fetchall() == [(41,), (42,)]


def test_writes_what_it_would_do_as_sql(served: DatabaseWrapper, make: Make) -> None:
    seat = make("Seat", table=False, row=models.TextField())
    with served.schema_editor(collect_sql=True) as editor:
        key: Any = field_of(seat, "number", models.AutoField(primary_key=True))
        editor.add_field(seat, key)
    [comment, renaming] = editor.collected_sql
    assert "with number" in comment
    assert renaming.endswith('RENAME TO "theatre_seat";')
