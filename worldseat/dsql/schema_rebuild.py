"""Changing the type of a primary key: a new table takes the rows, then the name."""

from __future__ import annotations

from typing import Any

from django.db import NotSupportedError
from django.db.backends.utils import names_digest

from worldseat.dsql.batches import in_steps
from worldseat.dsql.catalog import Column, Constraint, Index
from worldseat.dsql.schema_types import TypeSteps

__all__ = ["RebuildSteps"]


class RebuildSteps(TypeSteps):
    """The part of the editor that makes a table anew."""

    def _rebuild(
        self, model: Any, old_field: Any, new_field: Any, kind: str, cast: str | None = None
    ) -> None:
        """Change the type of a primary key's column, from whichever step was the last one done."""
        table, column = model._meta.db_table, new_field.column
        spare = f"ws_new_{names_digest(table, column, length=12)}"
        if self.collect_sql:
            self._script_rebuild(table, spare)
            return
        columns, half = self.catalog.columns(table), self.catalog.columns(spare)
        constraints, indexes = self.catalog.constraints(table), self.catalog.indexes(table)
        if columns and not half and columns[column].type == self._spelt(kind):
            self._restore(model, *self._fields_after(model, new_field))
            return
        if columns:
            if not half:
                self._create_spare(model, spare, columns, column, kind)
            if cast is None:
                cast = self._cast(old_field, new_field, kind)
            self._copy_rows(model, spare, columns, column, cast)
            self._plain(f"DROP TABLE {self._quoted(table)} CASCADE")
        self._alter(spare, f"RENAME TO {self._quoted(table)}")
        self._make_again(table, constraints, indexes)
        self._restore(model, *self._fields_after(model, new_field))

    def _fields_after(self, model: Any, new_field: Any) -> list[Any]:
        """Return the model's fields with the changed one in its place."""
        others = [field for field in model._meta.local_concrete_fields if not field.primary_key]
        return [new_field, *others]

    def _create_spare(
        self, model: Any, spare: str, columns: dict[str, Column], column: str, kind: str
    ) -> None:
        definitions = [
            self._definition(each, kind if each.name == column else each.type)
            for each in columns.values()
        ]
        key = ", ".join(self._quoted(each) for each in self._key_columns(model))
        definitions.append(f"PRIMARY KEY ({key})")
        self._plain(f"CREATE TABLE {self._quoted(spare)} ({', '.join(definitions)})")

    def _definition(self, column: Column, kind: str) -> str:
        if column.identity or column.generated:
            raise NotSupportedError(
                f"The column {column.name} counts or is computed, and its table would have to be "
                f"made anew for another type of key. Nothing was changed. Make a new model and "
                f"copy the rows in a data migration."
            )
        default = f" DEFAULT {column.default}" if column.default else ""
        return (
            f"{self._quoted(column.name)} {kind}{default}{' NOT NULL' if column.not_null else ''}"
        )

    def _copy_rows(
        self, model: Any, spare: str, columns: dict[str, Column], column: str, cast: str
    ) -> None:
        names = [self._quoted(name) for name in columns]
        values = [f"{self._quoted(name)}{cast if name == column else ''}" for name in columns]
        table = self._quoted(model._meta.db_table)
        in_steps(
            self.connection,
            table=table,
            key=[self._quoted(each) for each in self._key_columns(model)],
            statement=(
                f"INSERT INTO {self._quoted(spare)} ({', '.join(names)}) "
                f"SELECT {', '.join(values)} FROM {table} WHERE {{bounds}} ON CONFLICT DO NOTHING"
            ),
        )

    def _make_again(
        self, table: str, constraints: dict[str, Constraint], indexes: dict[str, Index]
    ) -> None:
        """Make the indexes and constraints that went with the old table."""
        for index in indexes.values():
            self._run_job(
                self._asynchronous(index.definition),
                what=f"The build of the index {index.name} on {table}",
                undo=lambda name=index.name: self._drop_index(name),
            )
        for constraint in constraints.values():
            name = self._quoted(constraint.name)
            if constraint.kind == "u":
                self._alter(table, f"ADD CONSTRAINT {name} UNIQUE USING INDEX {name}")
            elif constraint.kind in "cf":
                definition = constraint.definition.removesuffix(" NOT VALID")
                self._alter(table, f"ADD CONSTRAINT {name} {definition} NOT VALID")
                self._validate(table, constraint.name)

    def _script_rebuild(self, table: str, spare: str) -> None:
        old, new = self._quoted(table), self._quoted(spare)
        self.collected_sql.append(
            f"-- CREATE TABLE {new} as {old} with the new type, copy the rows in batches of "
            f"3,000, DROP TABLE {old}, then:"
        )
        self._alter(spare, f"RENAME TO {old}")

    def _restore(self, model: Any, *fields: Any) -> None:
        raise NotImplementedError
