"""A database of another kind beside it is left as it is."""

from __future__ import annotations

from django.db import connections, models
from django.db.backends.sqlite3.base import DatabaseWrapper as SQLite

from tests.helpers.theatre import Make
from worldseat.dsql.base import DatabaseWrapper


def test_changes_no_key_of_another_database(served: DatabaseWrapper, make: Make) -> None:
    seat = make("Seat", id=models.AutoField(primary_key=True), row=models.TextField())
    other = SQLite({**served.settings_dict, "NAME": ":memory:", "OPTIONS": {}}, alias="other")
    connections["other"] = other
    with other.schema_editor() as editor:
        editor.create_model(seat)
    with other.cursor() as cursor:
        cursor.execute("INSERT INTO theatre_seat (row) VALUES ('a') RETURNING id")
        assert cursor.fetchone() == (1,)
        cursor.execute("SELECT type FROM pragma_table_info('theatre_seat') WHERE name = 'id'")
        assert cursor.fetchone() == ("INTEGER",)
    other.close()
    del connections["other"]
    with served.cursor() as cursor:
        cursor.execute("INSERT INTO theatre_seat (row) VALUES ('a') RETURNING id")
        assert cursor.fetchone() == (1,)
