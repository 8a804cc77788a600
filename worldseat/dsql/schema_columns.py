"""Columns: adding one in steps, and removing one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.backends.ddl_references import Statement

from worldseat.dsql.schema_rebuild import RebuildSteps

__all__ = ["ColumnSteps"]


class ColumnSteps(RebuildSteps):
    """The part of the editor that adds and removes columns."""

    sql_delete_table = "DROP TABLE IF EXISTS %(table)s CASCADE"
    sql_delete_column = "ALTER TABLE %(table)s DROP COLUMN IF EXISTS %(column)s CASCADE"

    def _iter_column_sql(
        self,
        column_db_type: str,
        params: list[Any],
        model: Any,
        field: Any,
        field_db_params: dict[str, Any],
        include_default: bool,
    ) -> Iterator[str]:
        kind = self._checked_type(field)
        # A collation that is let through is the one that every column has.
        plain = {**field_db_params, "collation": None}
        yield from super()._iter_column_sql(kind, params, model, field, plain, include_default)

    def add_field(self, model: Any, field: Any) -> None:
        """Add a column: first itself, then its default, its values and its constraints."""
        if field.many_to_many and field.remote_field.through._meta.auto_created:
            self.create_model(field.remote_field.through)
            return
        if field.db_parameters(connection=self.connection)["type"] is None:
            return
        if field.primary_key or field.generated:
            self._rebuild_with_column(model, field)
        else:
            self._add_plain_column(model, field)
        self._add_own_check(model, field)
        if field.unique and not field.primary_key:
            self.execute(self._create_unique_sql(model, [field]))
        if field.remote_field and field.db_constraint:
            self.deferred_sql.append(
                self._create_fk_sql(model, field, "_fk_%(to_table)s_%(to_column)s")
            )
        if field.db_comment:
            self._comment(model, field)
        self.deferred_sql.extend(self._field_indexes_sql(model, field))

    def _add_plain_column(self, model: Any, field: Any) -> None:
        table = model._meta.db_table
        if self.collect_sql or field.column not in self.catalog.columns(table):
            self._alter(
                table, f"ADD COLUMN {self._quoted(field.column)} {self._checked_type(field)}"
            )
        self._give_values(model, field)
        if not field.null:
            self._require_value(table, field.column)

    def _give_values(self, model: Any, field: Any) -> None:
        """Fill a column that was just added with its default."""
        if field.has_db_default():
            sql, params = self.db_default_sql(field)
            self._set_default(model, field, sql, params)
            self._fill(model, field)
            return
        default = self.effective_default(field)
        if default is None:
            return
        # Others may insert rows while the old ones are filled.
        self._set_default(model, field, "%s", [default])
        self._fill(model, field)
        self._drop_default(model, field)

    def _fill(self, model: Any, field: Any) -> None:
        column = self._quoted(field.column)
        self._update(
            model._meta.db_table, assignment=f"{column} = DEFAULT", condition=f"{column} IS NULL"
        )

    def _set_default(self, model: Any, field: Any, sql: str, params: Any) -> None:
        column = self._quoted(field.column)
        self._alter(model._meta.db_table, f"ALTER COLUMN {column} SET DEFAULT {sql}", params)

    def _drop_default(self, model: Any, field: Any) -> None:
        column = self._quoted(field.column)
        self._alter(model._meta.db_table, f"ALTER COLUMN {column} DROP DEFAULT")

    def _comment(self, model: Any, field: Any) -> None:
        self.execute(*self._alter_column_comment_sql(model, field, None, field.db_comment))

    def remove_field(self, model: Any, field: Any) -> None:
        """Drop a column; one of the primary key takes the key with it."""
        if field.primary_key and field.concrete:
            self._rebuild_without_column(model, field)
            for sql in list(self.deferred_sql):
                if self._names_column(sql, model._meta.db_table, field.column):
                    self.deferred_sql.remove(sql)
        else:
            super().remove_field(model, field)

    def _names_column(self, sql: Any, table: str, column: str) -> bool:
        return isinstance(sql, Statement) and sql.references_column(table, column)
