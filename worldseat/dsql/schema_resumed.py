"""A migration that is run again begins with its first operation, whatever was done already.

What an operation adds may be there: each looks. What it changes may be gone, because a later
operation of the same migration removed it before the run was interrupted: then it is left out,
with a warning.
"""

from __future__ import annotations

import logging
from typing import Any

from django.db import ProgrammingError
from django.db.backends.ddl_references import Statement

from worldseat.dsql.schema_fields import FieldSteps

__all__ = ["ResumedSteps"]

logger = logging.getLogger(__name__)

# A column, a table.
_UNDEFINED = frozenset({"42703", "42P01"})


class ResumedSteps(FieldSteps):
    """The part of the editor that leaves out what has nothing to work on any more."""

    def _is_gone(self, model: Any, *purposes: str) -> bool:
        """Tell whether there is no table, and none that is being made anew for a purpose."""
        table = model._meta.db_table
        if self.collect_sql or self.catalog.tables([table, *self._spare_tables(table, *purposes)]):
            return False
        logger.warning("The table %s is gone already: not changed.", table)
        return True

    def add_field(self, model: Any, field: Any) -> None:
        """Add a column, if there is a table."""
        if not self._is_gone(model, field.column or ""):
            super().add_field(model, field)

    def remove_field(self, model: Any, field: Any) -> None:
        """Drop a column, if there is a table."""
        if not self._is_gone(model, field.column or ""):
            super().remove_field(model, field)

    def remove_constraint(self, model: Any, constraint: Any) -> None:
        """Remove a constraint, if there is a table."""
        if not self._is_gone(model):
            super().remove_constraint(model, constraint)

    def alter_unique_together(self, model: Any, old: Any, new: Any) -> None:
        """Change what is unique together, if there is a table."""
        if not self._is_gone(model):
            super().alter_unique_together(model, old, new)

    def alter_index_together(self, model: Any, old: Any, new: Any) -> None:
        """Change what is indexed together, if there is a table."""
        if not self._is_gone(model):
            super().alter_index_together(model, old, new)

    def alter_db_table_comment(self, model: Any, old: Any, new: Any) -> None:
        """Change a table's comment, if there is a table."""
        if not self._is_gone(model):
            super().alter_db_table_comment(model, old, new)

    def alter_db_table(self, model: Any, old_db_table: str, new_db_table: str) -> None:
        """Rename a table, unless that has happened."""
        renaming = old_db_table != new_db_table and not self.collect_sql
        if renaming and not self.catalog.columns(old_db_table):
            logger.warning("The table %s is gone already: not renamed.", old_db_table)
            return
        super().alter_db_table(model, old_db_table, new_db_table)

    def _delete_composed_index(
        self, model: Any, fields: Any, constraint_kwargs: dict[str, bool], sql: str
    ) -> None:
        """Drop the index of a unique_together or index_together, unless that has happened.

        What is only written down (`sqlmigrate`) may be about a table that is not there yet: then
        the index has the name that it would be made with.
        """
        columns = [model._meta.get_field(field).column for field in fields]
        if self._constraint_names(model, columns, **constraint_kwargs):
            super()._delete_composed_index(model, fields, constraint_kwargs, sql)
        elif self.collect_sql:
            table, suffix = (
                model._meta.db_table,
                "_uniq" if "unique" in constraint_kwargs else "_idx",
            )
            name = self._create_index_name(table, columns, suffix=suffix)
            self.execute(self._delete_constraint_sql(sql, model, name))
        else:
            logger.warning("The index of %s on %s is gone already.", columns, model._meta.db_table)

    def _run_steps(self, statement: Statement, run: Any) -> None:
        """Build an index or add a constraint, unless what it is about is gone."""
        try:
            run(statement)
        except ProgrammingError as error:
            if getattr(error.__cause__, "sqlstate", None) not in _UNDEFINED:
                raise
            table, name = self._target(statement)
            logger.warning("%s on %s is not made, what it is about is gone: %s", name, table, error)
