"""Changing a column, one thing after the other."""

from __future__ import annotations

import logging
from typing import Any

from django.db import ProgrammingError
from django.db.backends.base.schema import (  # type: ignore[attr-defined]  # stubs lack it
    _related_non_m2m_objects,
)

from worldseat.dsql.schema_columns import ColumnSteps

__all__ = ["FieldSteps"]

logger = logging.getLogger(__name__)


class FieldSteps(ColumnSteps):
    """The part of the editor that changes columns."""

    def _alter_field(
        self,
        model: Any,
        old_field: Any,
        new_field: Any,
        old_type: str,
        new_type: str,
        old_db_params: dict[str, Any],
        new_db_params: dict[str, Any],
        strict: bool = False,
    ) -> None:
        """Change a column, one thing after the other, from what it is to what it shall be."""
        old_kind, new_kind = self._checked_type(old_field), self._checked_type(new_field)
        if not self._find_column(model, old_field, new_field):
            return
        retyped = old_kind != new_kind
        pointing = self._pointing_fields(old_field, new_field) if retyped else []
        self._drop_what_goes(model, old_field, new_field, pointing)
        self._rename_column(model, old_field, new_field)
        if retyped and old_field.primary_key and new_field.primary_key:
            self._rebuild(model, old_field, new_field, new_kind)
        elif retyped and new_field.generated:
            self._rebuild_with_column(model, new_field)
        elif retyped:
            self._change_type(model, old_field, new_field, new_kind)
        for model_, relation in pointing:
            self._retype_pointing(model_, relation, old_field, new_field, new_kind)
        if old_field.primary_key != new_field.primary_key:
            key = [new_field.column] if new_field.primary_key else []
            self._rebuild_with_key(model, new_field, key)
        self._alter_identity(model, old_field, new_field)
        self._alter_default_and_null(model, old_field, new_field)
        self._add_what_comes(model, old_field, new_field)
        if retyped:
            self._restore(model, new_field)
        for model_, relation in pointing:
            names = self._constraint_names(model_, [relation.column], foreign_key=True)
            if relation.db_constraint and not names:
                self.execute(self._create_fk_sql(model_, relation, "_fk"))
        if old_field.db_comment != new_field.db_comment:
            self._comment(model, new_field)

    def _field_should_be_altered(self, old: Any, new: Any, ignore: Any = None) -> bool:
        """Tell whether the column changes; a default of Django's own does not change it.

        It fills the rows when the column becomes NOT NULL.
        """
        if new.null or not old.null:
            ignore = {*(ignore or ()), "default"}
        return bool(super()._field_should_be_altered(old, new, ignore))

    def _find_column(self, model: Any, old: Any, new: Any) -> bool:
        """Tell whether there is a column to change."""
        table = model._meta.db_table
        if self.collect_sql:
            return True
        spare = self._spare_names(table, new.column)
        if {old.column, new.column, *spare} & set(self.catalog.columns(table)):
            return True
        # The whole table is away while it is made anew.
        if self.catalog.tables(self._spare_tables(table, new.column, f"key {new.column}")):
            return True
        # A later operation of this same migration removed it before the run was interrupted.
        logger.warning("The column %s.%s is gone already: not changed.", table, new.column)
        return False

    def _rename_column(self, model: Any, old: Any, new: Any) -> None:
        table = model._meta.db_table
        if old.column == new.column:
            return
        columns = {} if self.collect_sql else self.catalog.columns(table)
        if self.collect_sql or old.column in columns:
            if new.column in columns:
                raise ProgrammingError(
                    f"{table} has both {old.column} and {new.column}: the first cannot be renamed. "
                    f"Nothing was changed."
                )
            self._plain(self._rename_field_sql(table, old, new, ""))
        for statement in self.deferred_sql:
            if hasattr(statement, "rename_column_references"):
                statement.rename_column_references(table, old.column, new.column)

    def _pointing_fields(self, old: Any, new: Any) -> list[tuple[Any, Any]]:
        """Return the models and foreign keys that refer to a unique column."""
        if not (old.unique and new.unique):
            return []
        return [
            (relation.related_model, relation.field)
            for _, relation in _related_non_m2m_objects(old, new)
        ]

    def _retype_pointing(self, model: Any, field: Any, old: Any, new: Any, kind: str) -> None:
        """Give a foreign key the type of the column it refers to."""
        if field.primary_key:
            self._rebuild(model, field, field, kind, cast=self._cast(old, new, kind))
        else:
            self._change_type(model, field, field, kind, cast=self._cast(old, new, kind))
        self._restore(model, field)

    def _alter_identity(self, model: Any, old: Any, new: Any) -> None:
        """Make a column count by itself, or stop it, or change how many numbers it takes."""
        before = old.db_type_suffix(connection=self.connection)
        after = new.db_type_suffix(connection=self.connection)
        column = f"ALTER COLUMN {self._quoted(new.column)}"
        if before == after:
            return
        if not after:
            self._alter(model._meta.db_table, f"{column} DROP IDENTITY IF EXISTS")
            return
        found = self.catalog.columns(model._meta.db_table).get(new.column)
        if before or (found and found.identity):
            cache = after[after.index("(") + 1 : -1]
            self._alter(model._meta.db_table, f"{column} SET {cache}")
        else:
            self._alter(model._meta.db_table, f"{column} ADD {after}")
            self._count_on(model._meta.db_table, new.column)

    def _drop_what_goes(
        self, model: Any, old: Any, new: Any, pointing: list[tuple[Any, Any]]
    ) -> None:
        """Drop the constraints and indexes that the new column has no more."""
        if old.remote_field and old.db_constraint:
            self._drop_constraints(model, old.column, foreign_key=True)
        for model_, field in pointing:
            self._drop_constraints(model_, field.column, foreign_key=True)
        if old.unique and not new.unique:
            self._drop_constraints(model, old.column, unique=True, primary_key=False)
        if old.db_index and not old.unique and (not new.db_index or new.unique):
            kept = {index.name for index in model._meta.indexes}
            names = self._constraint_names(
                model, [old.column], index=True, unique=False, exclude=kept
            )
            for name in names:
                self.execute(self._delete_index_sql(model, name))
        if self._own_check(old) != self._own_check(new) and self._own_check(old):
            self._drop_constraints(model, old.column, check=True)

    def _own_check(self, field: Any) -> Any:
        parameters = field.db_parameters(connection=self.connection)
        return self._field_db_check(field, parameters)

    def _drop_constraints(self, model: Any, column: str, **kind: bool) -> None:
        own = {constraint.name for constraint in model._meta.constraints}
        if kind.get("check") and (found := self._not_null_check(model._meta.db_table, column)):
            own.add(found)
        names = self._constraint_names(model, [column], exclude=own, **kind)
        for name in names:
            self.execute(self._delete_constraint_sql(self.sql_delete_constraint, model, name))

    def _alter_default_and_null(self, model: Any, old: Any, new: Any) -> None:
        if new.has_db_default():
            sql, params = self.db_default_sql(new)
            if not old.has_db_default() or new.db_default != old.db_default:
                self._set_default(model, new, sql, params)
        elif old.has_db_default():
            self._drop_default(model, new)
        if old.null and not new.null:
            if new.has_db_default():
                self._fill(model, new)
            else:
                self._fill_with_new_default(model, old, new)
            self._require_value(model._meta.db_table, new.column)
        elif new.null and not old.null:
            self._allow_null(model._meta.db_table, new.column)

    def _fill_with_new_default(self, model: Any, old: Any, new: Any) -> None:
        default = self.effective_default(new)
        if default is None or default == self.effective_default(old):
            return
        self._set_default(model, new, "%s", [default])
        if new.has_default():
            self._fill(model, new)
        self._drop_default(model, new)

    def _add_what_comes(self, model: Any, old: Any, new: Any) -> None:
        """Add the constraints and indexes that the old column had not, or has lost."""
        if self._unique_should_be_added(old, new):
            self.execute(self._create_unique_sql(model, [new]))
        indexed = old.db_index and not old.unique
        if new.db_index and not new.unique and not indexed:
            self.execute(self._create_index_sql(model, fields=[new]))
        if new.remote_field and new.db_constraint:
            self.execute(self._create_fk_sql(model, new, "_fk_%(to_table)s_%(to_column)s"))
        if self._own_check(old) != self._own_check(new):
            self._add_own_check(model, new)
