"""Changing the type of a column, and whether it may be NULL.

DSQL has no ALTER COLUMN TYPE: a new column takes the values, then the name. Rows that others
write meanwhile are caught up with until a pass finds few. The last pass is made while the old
column has another name and the new one not yet its own: whoever wants to write the column then
hears of it, and no write is lost.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.utils import names_digest

from worldseat.dsql.batches import update_in_batches
from worldseat.dsql.catalog import Constraint, Index
from worldseat.dsql.limits import ROWS, TransactionTooLarge
from worldseat.dsql.schema_constraints import ConstraintSteps

__all__ = ["TypeSteps"]

_PASSES = 20


class TypeSteps(ConstraintSteps):
    """The part of the editor that changes types and NOT NULL."""

    def _alter(self, table: str, change: str, params: Any = None) -> None:
        """Run one ALTER TABLE."""
        self._plain(f"ALTER TABLE {self._quoted(table)} {change}", params)

    def _plain(self, sql: str, params: Any = None) -> None:
        super().execute(sql, params)

    def _key_there(self, table: str) -> list[str]:
        """Return the columns of the primary key that a table has."""
        constraints = self.catalog.constraints(table).values()
        return [name for each in constraints if each.kind == "p" for name in each.columns]

    def _update(self, table: str, *, assignment: str, condition: str) -> int:
        """Change rows in as many steps as they need; return how many changed."""
        if self.collect_sql:
            self._plain(f"UPDATE {self._quoted(table)} SET {assignment} WHERE {condition}")
            return 0
        key = self._key_there(table)
        if not key:
            # Nothing to go along: only the rows of one transaction.
            with self.connection.cursor() as cursor:
                cursor.execute(f"UPDATE {self._quoted(table)} SET {assignment} WHERE {condition}")
                return int(cursor.rowcount)
        return update_in_batches(
            self.connection,
            table=self._quoted(table),
            key=[self._quoted(column) for column in key],
            assignment=assignment,
            condition=condition,
        )

    def _require_value(self, table: str, column: str) -> None:
        """Make a column NOT NULL by a validated CHECK: DSQL has no SET NOT NULL."""
        if not self.collect_sql:
            found = self.catalog.columns(table).get(column)
            check = self.catalog.not_null_check(table, column)
            if (found and found.not_null) or (check and check.validated):
                return
            if check:
                self._validate(table, check.name)
                return
        name = self._create_index_name(table, [column], suffix="_notnull")
        check_sql = f"CHECK ({self._quoted(column)} IS NOT NULL) NOT VALID"
        self._alter(table, f"ADD CONSTRAINT {self._quoted(name)} {check_sql}")
        self._validate(table, name)

    def _allow_null(self, table: str, column: str) -> None:
        """Take NOT NULL off a column, whichever way it has it."""
        found = self.catalog.columns(table).get(column)
        if self.collect_sql or (found and found.not_null):
            self._alter(table, f"ALTER COLUMN {self._quoted(column)} DROP NOT NULL")
        if name := self._not_null_check(table, column):
            self._alter(table, f"DROP CONSTRAINT IF EXISTS {self._quoted(name)}")

    def _not_null_check(self, table: str, column: str) -> str | None:
        check = self.catalog.not_null_check(table, column)
        return check.name if check else None

    def _validate(self, table: str, name: str) -> None:
        quoted = self._quoted(name)
        self._run_job(
            self.sql_validate % {"table": self._quoted(table), "name": quoted},
            what=f"The validation of the constraint {name} on {table}",
            undo=lambda: self._alter(table, f"DROP CONSTRAINT IF EXISTS {quoted}"),
        )

    def _count_on(self, table: str, column: str) -> None:
        """Let a counting column go on after its highest number."""
        self._alter(
            table,
            f"ALTER COLUMN {self._quoted(column)} RESTART WITH {self._next(table, column)}",
        )

    def _next(self, table: str, column: str) -> int:
        """Return the number after the highest of a column."""
        name = self._quoted(column)
        with self.connection.cursor() as cursor:
            cursor.execute(f"SELECT coalesce(max({name}), 0) + 1 FROM {self._quoted(table)}")
            [number] = cursor.fetchone()
        return max(int(number), 1)

    def _spare_names(self, table: str, column: str) -> tuple[str, str]:
        """Return the names of the new column before the swap, and of the old one after it."""
        digest = names_digest(table, column, length=12)
        return f"ws_new_{digest}", f"ws_old_{digest}"

    def _change_type(
        self, model: Any, old_field: Any, new_field: Any, new_kind: str, cast: str | None = None
    ) -> None:
        """Change a column's type, from whichever step was the last one done."""
        table, column = model._meta.db_table, new_field.column
        new, old = self._spare_names(table, column)
        if cast is None:
            cast = self._cast(old_field, new_field, new_kind)
        columns = {} if self.collect_sql else self.catalog.columns(table)
        if not self.collect_sql and not {new, old} & set(columns):
            found = columns.get(column)
            if found and found.type == self._spelt(new_kind):
                return
        if old not in columns:
            if new not in columns:
                self._alter(table, f"ADD COLUMN {self._quoted(new)} {new_kind}")
            self._carry_default(model, new_field, new, new_kind)
            self._copy(model, column, new, cast)
            self._alter(table, f"RENAME COLUMN {self._quoted(column)} TO {self._quoted(old)}")
            columns.pop(column, None)
        if column not in columns:
            self._copy_the_rest(model, old, new, cast)
            self._alter(table, f"RENAME COLUMN {self._quoted(new)} TO {self._quoted(column)}")
        self._move_dependants(table, old, column)
        self._alter(table, f"DROP COLUMN IF EXISTS {self._quoted(old)} CASCADE")
        if self.collect_sql:
            self._script_dependants(model, new_field)

    def _carry_default(self, model: Any, field: Any, new: str, kind: str) -> None:
        """Give the new column the default of the old one."""
        set_default = f"ALTER COLUMN {self._quoted(new)} SET DEFAULT"
        table = model._meta.db_table
        if field.has_db_default():
            sql, params = self.db_default_sql(field)
            self._alter(table, f"{set_default} {sql}", params)
            return
        found = self.catalog.columns(table).get(field.column)
        if found and found.default:
            self._alter(table, f"{set_default} ({found.default})::{kind}")

    def _cast(self, old_field: Any, new_field: Any, kind: str) -> str:
        """Return how a value is converted: as Django's ALTER ... USING, or by assignment."""
        # Between kinds of one type a value that does not fit is an error; a cast would cut it.
        return f"::{kind}" if self._using_sql(new_field, old_field) else ""

    def _copy(self, model: Any, column: str, new: str, cast: str) -> None:
        """Copy a column's values until a pass finds few to copy."""
        assignment, condition = self._copying(column, new, cast)
        for _ in range(_PASSES):
            changed = self._update(model._meta.db_table, assignment=assignment, condition=condition)
            if changed <= ROWS:
                return

    def _copy_the_rest(self, model: Any, column: str, new: str, cast: str) -> None:
        """Copy what was written since, in one statement if it can be: the column is away."""
        assignment, condition = self._copying(column, new, cast)
        table = self._quoted(model._meta.db_table)
        try:
            self._plain(f"UPDATE {table} SET {assignment} WHERE {condition}")
        except TransactionTooLarge:
            self._copy(model, column, new, cast)

    def _copying(self, column: str, new: str, cast: str) -> tuple[str, str]:
        target, source = self._quoted(new), f"{self._quoted(column)}{cast}"
        return f"{target} = {source}", f"{target} IS DISTINCT FROM {source}"

    def _move_dependants(self, table: str, old: str, column: str) -> None:
        """Make the indexes and constraints of the old column again on the new one.

        Their definitions name the old column by the name it has now, which occurs nowhere else.
        """
        if self.collect_sql:
            return
        for constraint in self.catalog.constraints(table).values():
            if old in constraint.columns:
                self._move_constraint(constraint, old, column)
        for index in self.catalog.indexes(table).values():
            if old in index.columns:
                self._move_index(table, index, old, column)

    def _move_constraint(self, constraint: Constraint, old: str, column: str) -> None:
        table, name = constraint.table, self._quoted(constraint.name)
        index = self.catalog.index(table, constraint.name)
        self._alter(table, f"DROP CONSTRAINT IF EXISTS {name}")
        if constraint.kind == "u" and index:
            self._run_job(
                self._moved(index.definition, old, column),
                what=f"The build of the index {constraint.name} on {table}",
                undo=lambda: self._drop_index(constraint.name),
            )
            self._alter(table, f"ADD CONSTRAINT {name} UNIQUE USING INDEX {name}")
        elif constraint.kind == "c":
            definition = self._moved(constraint.definition, old, column)
            unchecked = definition.removesuffix(" NOT VALID")
            self._alter(table, f"ADD CONSTRAINT {name} {unchecked} NOT VALID")
            self._validate(table, constraint.name)

    def _move_index(self, table: str, index: Index, old: str, column: str) -> None:
        self._drop_index(index.name)
        self._run_job(
            self._moved(index.definition, old, column),
            what=f"The build of the index {index.name} on {table}",
            undo=lambda: self._drop_index(index.name),
        )

    def _moved(self, definition: str, old: str, column: str) -> str:
        """Return a definition for the new column, as DSQL takes it."""
        return self._asynchronous(definition.replace(old, self._quoted(column)))

    def _asynchronous(self, definition: str) -> str:
        """Return the catalog's definition of an index as a statement of DSQL."""
        if definition.startswith("CREATE "):
            definition = definition.replace(" INDEX ", " INDEX ASYNC ", 1)
            definition = definition.replace(" USING btree ", " ", 1)
        return definition

    def _script_dependants(self, model: Any, field: Any) -> None:
        """Write what sqlmigrate can know of a column's indexes and constraints."""
        if field.unique:
            self.execute(self._create_unique_sql(model, [field]))
        elif field.db_index:
            self.execute(self._create_index_sql(model, fields=[field]))

    def _spelt(self, kind: str) -> str:
        """Spell a type as the catalog does."""
        with self.connection.cursor() as cursor:
            cursor.execute(f"SELECT format_type('{kind}'::regtype, NULL)")
            row = cursor.fetchone()
        base = str(row[0]) if row else kind
        modifier = kind[kind.index("(") :].replace(", ", ",") if "(" in kind else ""
        return f"{base}{modifier}"
