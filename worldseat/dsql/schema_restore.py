"""Making again what an interrupted change has lost, as the model says."""

from __future__ import annotations

from typing import Any

from worldseat.dsql.schema_types import TypeSteps

__all__ = ["RestoreSteps"]


class RestoreSteps(TypeSteps):
    """The part of the editor that finishes what an earlier run began."""

    def _restore(self, model: Any, *fields: Any) -> None:
        """Make again what an interrupted change of type has dropped, as the model says."""
        table = model._meta.db_table
        if not self.collect_sql:
            # Of an earlier run: what is still being built would be built twice.
            self._jobs.wait_for_others()
            self._drop_invalid_indexes(table)
        for field in fields:
            if not field.null:
                self._require_value(table, field.column)
        if self.collect_sql:
            return
        for field in fields:
            self._restore_of_field(model, field)
        for together in model._meta.unique_together:
            self._restore_unique(model, [model._meta.get_field(name) for name in together])
        there = {*self.catalog.indexes(table), *self.catalog.constraints(table)}
        for index in model._meta.indexes:
            if index.name not in there:
                self.add_index(model, index)
        for constraint in model._meta.constraints:
            if constraint.name not in there:
                self.add_constraint(model, constraint)
        self._validate_all(table)

    def _drop_invalid_indexes(self, table: str) -> None:
        for index in self.catalog.indexes(table).values():
            if not index.valid:
                self._drop_index(index.name)

    def _validate_all(self, table: str) -> None:
        for constraint in self.catalog.constraints(table).values():
            if not constraint.validated:
                self._validate(table, constraint.name)

    def _restore_references(self, model: Any) -> None:
        """Make again the foreign keys of other tables that fell with a table made anew."""
        for relation in model._meta.get_fields(include_hidden=True):
            if not relation.auto_created or relation.concrete or relation.many_to_many:
                continue
            referring, field = relation.related_model, relation.field
            if getattr(field, "db_constraint", False) and self._fits(referring, field, model):
                names = self._constraint_names(referring, [field.column], foreign_key=True)
                if not names:
                    suffix = "_fk_%(to_table)s_%(to_column)s"
                    self.execute(self._create_fk_sql(referring, field, suffix))
                self._validate_all(referring._meta.db_table)

    def _fits(self, referring: Any, field: Any, model: Any) -> bool:
        """Tell whether both columns of a foreign key are there, and of one type by now."""
        own = self.catalog.columns(referring._meta.db_table).get(field.column)
        target = self.catalog.columns(model._meta.db_table).get(field.target_field.column)
        return bool(own and target and own.type == target.type)

    def _restore_of_field(self, model: Any, field: Any) -> None:
        if field.unique and not field.primary_key:
            self._restore_unique(model, [field])
        elif field.db_index and not self._constraint_names(model, [field.column], index=True):
            self.execute(self._create_index_sql(model, fields=[field]))
        if not self._constraint_names(model, [field.column], check=True):
            self._add_own_check(model, field)
        refers = field.remote_field and field.db_constraint
        if refers and not self._constraint_names(model, [field.column], foreign_key=True):
            self.execute(self._create_fk_sql(model, field, "_fk_%(to_table)s_%(to_column)s"))

    def _restore_unique(self, model: Any, fields: list[Any]) -> None:
        columns = [field.column for field in fields]
        own = {constraint.name for constraint in model._meta.constraints}
        names = self._constraint_names(model, columns, unique=True, exclude=own)
        if not names:
            self.execute(self._create_unique_sql(model, fields))
            return
        constraints = self.catalog.constraints(model._meta.db_table)
        if not constraints.keys() & set(names):
            # The index was built, and the run ended before it became a constraint.
            used = {"table": self._quoted(model._meta.db_table), "name": self._quoted(names[0])}
            self._plain(self.sql_use_index % used)

    def _add_own_check(self, model: Any, field: Any) -> None:
        """Add the CHECK of a field's type, such as a PositiveIntegerField's."""
        check = field.db_parameters(connection=self.connection)["check"]
        if check:
            name = self._create_index_name(model._meta.db_table, [field.column], suffix="_check")
            self.execute(self._create_check_sql(model, name, check))
