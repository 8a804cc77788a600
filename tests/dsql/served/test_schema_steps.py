"""What one statement of PostgreSQL's DDL is in several of DSQL's."""

from __future__ import annotations

import uuid
from typing import Any

import psycopg
import pytest
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import NotSupportedError, models
from django.db.models.functions import Upper
from django.test.utils import CaptureQueriesContext

from tests.helpers.theatre import Behind, Make, add, alter, definitions, fill
from worldseat.dsql.base import DatabaseWrapper
from worldseat.dsql.jobs import JobFailed


def test_adds_a_required_column_to_more_rows_than_a_transaction_may_change(
    served: DatabaseWrapper, make: Make, behind: Behind
) -> None:
    seat = make("Seat", row=models.CharField(max_length=9))
    fill(behind, "theatre_seat", 7001)
    add(served, seat, "price", models.PositiveIntegerField(default=45))
    assert behind.execute("SELECT DISTINCT price FROM theatre_seat").fetchall() == [(45,)]
    with pytest.raises(psycopg.errors.CheckViolation):
        behind.execute("UPDATE theatre_seat SET price = NULL")
    with pytest.raises(psycopg.errors.CheckViolation):
        behind.execute("UPDATE theatre_seat SET price = -1")
    behind.execute("INSERT INTO theatre_seat (row, price) VALUES ('x', 1)")
    with pytest.raises(psycopg.errors.CheckViolation):
        behind.execute("INSERT INTO theatre_seat (row) VALUES ('no price')")


def test_keeps_a_database_default(served: DatabaseWrapper, make: Make, behind: Behind) -> None:
    seat = make("Seat", row=models.CharField(max_length=9))
    fill(behind, "theatre_seat", 2)
    add(served, seat, "state", models.CharField(max_length=9, db_default="free"))
    fill(behind, "theatre_seat", 1)
    assert behind.execute("SELECT state FROM theatre_seat").fetchall() == [("free",)] * 3


def test_refuses_a_unique_column_where_rows_repeat(
    served: DatabaseWrapper, make: Make, behind: Behind
) -> None:
    seat = make("Seat", row=models.CharField(max_length=9))
    fill(behind, "theatre_seat", 2)
    with pytest.raises(JobFailed, match="duplicate key") as caught:
        add(served, seat, "code", models.CharField(max_length=9, unique=True, default="same"))
    assert "run migrate again" in str(caught.value)
    assert not [
        text for text in definitions(behind, "theatre_seat") if "code" in text and "UNIQ" in text
    ]
    behind.execute("UPDATE theatre_seat SET code = row")
    add(served, seat, "code", models.CharField(max_length=9, unique=True, default="same"))
    assert "UNIQUE (code)" in definitions(behind, "theatre_seat")


def test_refuses_a_check_that_a_row_breaks(
    served: DatabaseWrapper, make: Make, behind: Behind
) -> None:
    seat = make("Seat", row=models.CharField(max_length=9))
    fill(behind, "theatre_seat", 2)
    check = models.CheckConstraint(condition=~models.Q(row="r1"), name="no_r1")
    with pytest.raises(JobFailed, match="no_r1"), served.schema_editor() as editor:
        editor.add_constraint(seat, check)
    assert definitions(behind, "theatre_seat") == [
        "CREATE UNIQUE INDEX theatre_seat_pkey ON public.theatre_seat USING btree (id)",
        "PRIMARY KEY (id)",
    ]


def test_changes_a_type_and_carries_what_hangs_on_it(
    served: DatabaseWrapper, make: Make, behind: Behind
) -> None:
    seat = make(
        "Seat",
        row=models.CharField(max_length=9, unique=True, db_default="none"),
        note=models.CharField(max_length=9, db_index=True, default=""),
        meta={
            "indexes": [models.Index(Upper("row"), "id", name="upper_row")],
            "constraints": [
                models.CheckConstraint(condition=~models.Q(row=""), name="has_row"),
                models.UniqueConstraint(
                    fields=["row", "note"], condition=~models.Q(row="r1"), name="row_note"
                ),
            ],
        },
    )
    behind.execute(
        "INSERT INTO theatre_seat (row, note) SELECT 'r' || n, '' FROM generate_series(1, 3500) n"
    )
    before = definitions(behind, "theatre_seat")
    new = models.CharField(max_length=99, unique=True, db_default="none")
    alter(served, seat, "row", new)
    after = definitions(behind, "theatre_seat")
    assert [text for text in after if "IS NOT NULL" not in text] == before
    assert 'CHECK (("row" IS NOT NULL))' in after
    behind.execute("INSERT INTO theatre_seat (note) VALUES ('')")
    behind.execute("INSERT INTO theatre_seat (row, note) VALUES (%s, '')", ["x" * 99])
    rows = behind.execute("SELECT count(*), count(DISTINCT row) FROM theatre_seat").fetchone()
    assert rows == (3502, 3502)
    columns = behind.execute("SELECT * FROM theatre_seat LIMIT 0").description or []
    assert {column.name for column in columns} == {"id", "row", "note"}


def test_never_cuts_a_value_that_does_not_fit(
    served: DatabaseWrapper, make: Make, behind: Behind
) -> None:
    seat = make("Seat", row=models.CharField(max_length=9))
    behind.execute("INSERT INTO theatre_seat (row) VALUES ('too long')")
    with pytest.raises(Exception, match="too long for type"):
        alter(served, seat, "row", models.CharField(max_length=3))
    assert behind.execute("SELECT row FROM theatre_seat").fetchall() == [("too long",)]
    behind.execute("UPDATE theatre_seat SET row = 'ok'")
    alter(served, seat, "row", models.CharField(max_length=3))
    assert behind.execute("SELECT row FROM theatre_seat").fetchall() == [("ok",)]


def test_casts_to_another_kind(served: DatabaseWrapper, make: Make, behind: Behind) -> None:
    seat = make("Seat", row=models.CharField(max_length=9))
    behind.execute("INSERT INTO theatre_seat (row) VALUES ('42')")
    alter(served, seat, "row", models.IntegerField(null=True))
    assert behind.execute("SELECT row FROM theatre_seat").fetchall() == [(42,)]
    behind.execute("INSERT INTO theatre_seat (row) VALUES (NULL)")


def test_requires_and_allows_null(served: DatabaseWrapper, make: Make, behind: Behind) -> None:
    seat = make("Seat", row=models.CharField(max_length=9, null=True))
    behind.execute("INSERT INTO theatre_seat (row) VALUES (NULL)")
    with pytest.raises(JobFailed):
        alter(served, seat, "row", models.CharField(max_length=9))
    behind.execute("UPDATE theatre_seat SET row = 'a'")
    alter(served, seat, "row", models.CharField(max_length=9))
    with pytest.raises(psycopg.errors.CheckViolation):
        behind.execute("INSERT INTO theatre_seat (row) VALUES (NULL)")
    required = make("Seat", table=False, row=models.CharField(max_length=9))
    alter(served, required, "row", models.CharField(max_length=9, null=True))
    behind.execute("INSERT INTO theatre_seat (row) VALUES (NULL)")


def test_builds_the_indexes_that_the_official_adapter_drops(
    served: DatabaseWrapper, make: Make, behind: Behind
) -> None:
    make(
        "Seat",
        row=models.CharField(max_length=9),
        number=models.IntegerField(null=True),
        meta={
            "indexes": [
                models.Index(fields=["-row"], name="descending"),
                models.Index(models.F("number").desc(nulls_last=True), name="descending_nulls"),
                models.Index(Upper("row"), name="expression"),
                models.Index(fields=["row"], include=["number"], name="covering"),
            ],
            "constraints": [
                models.UniqueConstraint(
                    fields=["row"], condition=models.Q(number=1), name="partial"
                ),
                models.UniqueConstraint(fields=["row"], include=["number"], name="covers"),
                models.UniqueConstraint(fields=["number"], nulls_distinct=False, name="one_null"),
                models.UniqueConstraint(Upper("row"), name="upper"),
            ],
        },
    )
    texts = " ".join(definitions(behind, "theatre_seat")).replace(" USING btree", "")
    for part in (
        'descending ON public.theatre_seat ("row")',
        "descending_nulls ON public.theatre_seat (number NULLS FIRST)",
        'expression ON public.theatre_seat (upper(("row")::text))',
        'covering ON public.theatre_seat ("row") INCLUDE (number)',
        'UNIQUE INDEX partial ON public.theatre_seat ("row") WHERE (number = 1)',
        'UNIQUE INDEX covers ON public.theatre_seat ("row") INCLUDE (number)',
        "UNIQUE INDEX one_null ON public.theatre_seat (number) NULLS NOT DISTINCT",
        'UNIQUE INDEX upper ON public.theatre_seat (upper(("row")::text))',
    ):
        assert part in texts


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"meta": {"indexes": [GinIndex(fields=["row"], name="gin")]}}, "B-tree indexes only"),
        (
            {"meta": {"indexes": [models.Index(fields=["row"], opclasses=["text_ops"], name="i")]}},
            "operator classes",
        ),
        (
            {
                "meta": {
                    "constraints": [
                        models.UniqueConstraint(
                            fields=["row"], deferrable=models.Deferrable.DEFERRED, name="late"
                        )
                    ]
                }
            },
            "deferrable",
        ),
        ({"tags": ArrayField(models.TextField())}, "text\\[\\]"),
        ({"sorted": models.CharField(max_length=9, db_collation="sv-x-icu")}, "collation"),
    ],
)
def test_refuses_what_dsql_lacks_and_says_what_to_do(
    served: DatabaseWrapper, make: Make, behind: Behind, options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(NotSupportedError, match=complaint) as caught:
        make("Seat", row=models.CharField(max_length=9), **options)
    assert "Nothing was changed" in str(caught.value)


def test_keeps_integer_keys_integers_and_uuids_uuids(
    served: DatabaseWrapper, make: Make, behind: Behind
) -> None:
    make("Small", id=models.SmallAutoField(primary_key=True), row=models.TextField())
    make("Big", id=models.BigAutoField(primary_key=True), row=models.TextField())
    make("Unique", id=models.UUIDField(primary_key=True, default=uuid.uuid4))
    fill(behind, "theatre_small", 3)
    assert behind.execute("SELECT id FROM theatre_small").fetchall() == [(1,), (2,), (3,)]
    fill(behind, "theatre_big", 1)
    kinds = behind.execute(
        "SELECT table_name, data_type FROM information_schema.columns WHERE column_name = 'id' "
        "AND table_schema = 'public' ORDER BY 1"
    ).fetchall()
    assert kinds == [
        ("theatre_big", "bigint"),
        ("theatre_small", "bigint"),
        ("theatre_unique", "uuid"),
    ]
    assert models.AutoField.__mro__[1].__module__ == "django.db.models.fields"


def test_stores_an_address_as_text(served: DatabaseWrapper, make: Make, behind: Behind) -> None:
    gate = make("Gate", address=models.GenericIPAddressField(null=True))
    gate._default_manager.using(served.alias).create(address="2001:db8::0:1")
    found = gate._default_manager.using(served.alias)
    assert found.values_list("address", flat=True).get(address="2001:db8::1") == "2001:db8::1"
    assert found.filter(address__startswith="2001:").count() == 1
    assert found.filter(address__icontains="DB8").count() == 1


def test_makes_the_table_of_a_key_with_another_type_anew(
    served: DatabaseWrapper, make: Make, behind: Behind
) -> None:
    seat = make(
        "Seat",
        code=models.CharField(max_length=9, primary_key=True),
        row=models.CharField(max_length=9, unique=True),
    )
    fill_sql = "INSERT INTO theatre_seat SELECT 'c' || n, 'r' || n FROM generate_series(1, 3200) n"
    behind.execute(fill_sql)
    before = definitions(behind, "theatre_seat")
    alter(served, seat, "code", models.CharField(max_length=99, primary_key=True))
    # The index of the primary key is named after the table it was made with.
    after = [text for text in definitions(behind, "theatre_seat") if "ws_new" not in text]
    assert after == [text for text in before if "theatre_seat_pkey" not in text]
    behind.execute("INSERT INTO theatre_seat VALUES (%s, 'x')", ["y" * 99])
    assert behind.execute("SELECT count(*) FROM theatre_seat").fetchone() == (3201,)


def test_takes_up_an_index_that_an_earlier_run_left_invalid(
    served: DatabaseWrapper, make: Make, behind: Behind
) -> None:
    seat = make("Seat", row=models.CharField(max_length=9))
    behind.execute("CREATE INDEX by_row ON theatre_seat (row)")
    behind.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'by_row'::regclass")
    with served.schema_editor() as editor:
        editor.add_index(seat, models.Index(fields=["row"], name="by_row"))
    row = behind.execute(
        "SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_row'::regclass"
    ).fetchone()
    assert row == (True,)


def test_refuses_a_table_that_is_something_else(
    served: DatabaseWrapper, make: Make, behind: Behind
) -> None:
    behind.execute("CREATE TABLE theatre_seat (name text)")
    with pytest.raises(Exception, match="exists already and lacks"):
        make("Seat", row=models.CharField(max_length=9))


def test_renames_an_index_by_building_another(
    served: DatabaseWrapper, make: Make, behind: Behind
) -> None:
    old, new = (models.Index(fields=["row"], name=name) for name in ("old_name", "new_name"))
    seat = make("Seat", row=models.CharField(max_length=9), meta={"indexes": [old]})
    with served.schema_editor() as editor:
        editor.rename_index(seat, old, new)
    texts = " ".join(definitions(behind, "theatre_seat"))
    assert "new_name" in texts
    assert "old_name" not in texts


def test_forgets_the_order_in_a_unique_constraint(
    served: DatabaseWrapper, make: Make, behind: Behind
) -> None:
    keys = (models.F("row").desc(nulls_last=True), Upper("hall").asc())
    unique = models.UniqueConstraint(*keys, name="unordered")
    make("Seat", row=models.TextField(), hall=models.TextField(), meta={"constraints": [unique]})
    [text] = [text for text in definitions(behind, "theatre_seat") if "unordered" in text]
    assert text.endswith('("row", upper(hall))')


def test_asks_nothing_for_a_default_of_djangos_own(served: DatabaseWrapper, make: Make) -> None:
    seat = make("Seat", price=models.IntegerField(default=1))
    with CaptureQueriesContext(served) as asked:
        alter(served, seat, "price", models.IntegerField(default=2))
    assert len(asked) == 0


def test_takes_the_one_collation_there_is(
    served: DatabaseWrapper, make: Make, behind: Behind
) -> None:
    seat = make("Seat", row=models.TextField(db_collation="C"))
    add(served, seat, "hall", models.CharField(max_length=9, db_collation="C", null=True))
    behind.execute("INSERT INTO theatre_seat (row, hall) VALUES ('b', NULL), ('B', NULL)")
    rows = behind.execute("SELECT row FROM theatre_seat ORDER BY row").fetchall()
    assert rows == [("B",), ("b",)]


def test_names_no_tablespace(served: DatabaseWrapper, make: Make, behind: Behind) -> None:
    make(
        "Seat",
        row=models.TextField(unique=True, db_tablespace="fast"),
        meta={
            "db_tablespace": "fast",
            "indexes": [models.Index(fields=["row"], name="by_row", db_tablespace="fast")],
        },
    )
    assert any("by_row" in text for text in definitions(behind, "theatre_seat"))


def test_lists_no_constraint_for_a_required_column(served: DatabaseWrapper, make: Make) -> None:
    seat = make("Seat", row=models.TextField())
    add(served, seat, "hall", models.TextField(default=""))
    with served.cursor() as cursor:
        found = served.introspection.get_constraints(cursor, "theatre_seat")
    assert [each["columns"] for each in found.values()] == [["id"]]
