"""A migration is stopped at each of its statements, while others write; none of it is lost."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import Any, ClassVar

import psycopg
import pytest
from django.db import migrations, models
from django.db.migrations.state import ProjectState

from tests.helpers.databases import empty_schema
from tests.helpers.interrupted_migrations import Stopped, Stops
from tests.helpers.schema_facts import Facts, facts
from tests.helpers.theatre import Make
from worldseat.dsql.base import DatabaseWrapper

Behind = psycopg.Connection[Any]

pytestmark = pytest.mark.timeout(600)  # each statement is one more run, on two cores


def stop_and_go_on(
    served: DatabaseWrapper, run: Callable[[], object], between: Callable[[int], object]
) -> int:
    """Run something, stopped after each statement; call `between` then. Returns the stops."""
    stops = Stops()
    while True:
        try:
            with served.execute_wrapper(stops):
                run()
        except Stopped:
            served.close()
            between(len(stops.seen))
            continue
        return len(stops.seen)


def changed(model: type[models.Model], name: str, field: models.Field[Any, Any]) -> Any:
    """Return what alters a field, for `editor.alter_field`."""
    field.set_attributes_from_name(name)
    field.model = model
    return model._meta.get_field(name), field


class Writer:
    """Somebody else, who writes the column `row` whenever there is one."""

    def __init__(self, behind: Behind) -> None:
        self._behind = behind
        self.written: dict[int, str] = {}

    def write(self, number: int) -> None:
        """Change a row and add one."""
        try:
            self._behind.execute(
                "UPDATE theatre_seat SET row = %s WHERE number = %s", [f"w{number}", number]
            )
            if number > 3:
                # More rows would make other batches, and more stops, for ever.
                self.written[number] = f"w{number}"
                return
            self._behind.execute(
                "INSERT INTO theatre_seat (code, number, row) VALUES (%s, %s, %s)",
                [str(10000 + number), 10000 + number, f"n{number}"],
            )
        except (psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedTable):
            return
        self.written |= {number: f"w{number}", 10000 + number: f"n{number}"}


@pytest.fixture
def seat(make: Make, behind: Behind) -> Any:
    """A table of 3,500 seats: more than a transaction may change."""
    model = make(
        "Seat",
        code=models.CharField(max_length=9, primary_key=True),
        row=models.CharField(max_length=9, unique=True, db_default="none"),
        number=models.IntegerField(db_index=True),
        meta={
            "constraints": [models.CheckConstraint(condition=~models.Q(row=""), name="has_row")],
        },
    )
    behind.execute(
        "INSERT INTO theatre_seat (code, row, number) "
        "SELECT n::text, 'r' || n, n FROM generate_series(1, 3500) n"
    )
    return model


@pytest.mark.parametrize("name", ["row", "code"])
def test_changes_a_type_while_others_write(
    served: DatabaseWrapper, seat: Any, behind: Behind, name: str
) -> None:
    before = facts(served)["theatre_seat"]
    writer = Writer(behind)
    options = {"unique": True, "db_default": "none"} if name == "row" else {"primary_key": True}
    old, new = changed(seat, name, models.CharField(max_length=99, **options))

    def alter() -> None:
        with served.schema_editor() as editor:
            editor.alter_field(seat, old, new)

    stops = stop_and_go_on(served, alter, writer.write)
    assert stops > 8
    assert len(writer.written) > 2
    after = {
        tuple("varying(9)" if x == "varying(99)" else x for x in row)
        for row in facts(served)["theatre_seat"]
    }
    assert after == before
    found = dict(behind.execute("SELECT number, row FROM theatre_seat").fetchall())
    assert found == {n: f"r{n}" for n in range(1, 3501)} | writer.written


def test_loses_no_write_that_comes_before_the_swap(
    served: DatabaseWrapper, second: DatabaseWrapper, seat: Any, behind: Behind
) -> None:
    def write_first(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        if " RENAME " in str(sql) and not written:
            written.append(sql)
            with second.cursor() as cursor:
                cursor.execute("UPDATE theatre_seat SET row = 'late' WHERE number = 7")
                cursor.execute("DELETE FROM theatre_seat WHERE number = 8")
        return execute(sql, params, many, context)

    written: list[object] = []
    old, new = changed(seat, "row", models.CharField(max_length=99, unique=True, db_default="none"))
    with served.execute_wrapper(write_first), served.schema_editor() as editor:
        editor.alter_field(seat, old, new)
    found = dict(
        behind.execute("SELECT number, row FROM theatre_seat WHERE number < 10").fetchall()
    )
    assert written
    assert found == {n: f"r{n}" for n in range(1, 10) if n != 8} | {7: "late"}


class First(migrations.Migration):
    """Operations of which the later ones take away what the earlier ones work on, undone."""

    operations: ClassVar = [
        migrations.CreateModel(
            "Venue", [("id", models.UUIDField(primary_key=True)), ("name", models.TextField())]
        ),
        migrations.CreateModel(
            "Seat",
            [("id", models.UUIDField(primary_key=True)), ("row", models.CharField(max_length=9))],
        ),
        migrations.AddField(
            "seat", "venue", models.ForeignKey("theatre.Venue", models.CASCADE, null=True)
        ),
        migrations.AddField("seat", "doors", models.ManyToManyField("theatre.Venue")),
        migrations.AddIndex("seat", models.Index(fields=["row", "venue"], name="row_venue")),
        migrations.AlterUniqueTogether("seat", {("row", "venue")}),
        migrations.AddConstraint(
            "seat", models.CheckConstraint(condition=~models.Q(row=""), name="has_row")
        ),
        migrations.AlterField("seat", "row", models.CharField(max_length=20, db_index=True)),
        migrations.RemoveIndex("seat", "row_venue"),
        migrations.AddField("seat", "price", models.PositiveIntegerField(default=0)),
    ]


class Second(migrations.Migration):
    """Renaming, and changes to what was renamed."""

    operations: ClassVar = [
        migrations.AddIndex("venue", models.Index(fields=["name"], name="venue_name")),
        migrations.RenameModel("Venue", "House"),
        migrations.RenameField("seat", "venue", "house"),
        migrations.AlterUniqueTogether("seat", set()),
        migrations.RemoveConstraint("seat", "has_row"),
        migrations.RemoveField("seat", "price"),
        migrations.AddField("house", "price", models.IntegerField(default=0)),
    ]


class Play:
    """Does and undoes the two migrations."""

    def __init__(self, served: DatabaseWrapper) -> None:
        self._served = served
        self._states = [ProjectState()]
        self._migrations = [First("0001_first", "theatre"), Second("0002_second", "theatre")]
        for migration in self._migrations:
            # A stopped RenameModel leaves its own names exchanged; a new process reads them anew.
            vars(migration)["operations"] = copy.deepcopy(migration.operations)
            self._states.append(migration.mutate_state(self._states[-1]))

    def do(self, number: int) -> None:
        """Apply a migration."""
        with self._served.schema_editor() as editor:
            self._migrations[number].apply(self._states[number].clone(), editor)

    def undo(self, number: int) -> None:
        """Unapply it."""
        with self._served.schema_editor() as editor:
            self._migrations[number].unapply(self._states[number].clone(), editor)


def take(served: DatabaseWrapper, way: str, number: int) -> None:
    """Do or undo a migration, as a new process would."""
    getattr(Play(served), way)(number)


def test_does_and_undoes_migrations_of_many_operations(
    served: DatabaseWrapper, backend_url: str
) -> None:
    steps: list[tuple[str, int]] = [("do", 0), ("do", 1), ("undo", 1), ("undo", 0)]
    wanted: list[Facts] = []
    for way, number in steps:
        take(served, way, number)
        wanted.append(facts(served))
    assert wanted[3] == {}
    empty_schema(backend_url)
    served.close()
    for (way, number), expected in zip(steps, wanted, strict=True):
        step = functools.partial(take, served, way, number)
        stops = stop_and_go_on(served, step, lambda n: None)
        assert stops > 4
        assert facts(served) == expected, (way, number)
