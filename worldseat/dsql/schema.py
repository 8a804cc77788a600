"""DDL, one statement at a time: each is a transaction of its own on DSQL.

`StandInSchemaEditor` speaks to a plain PostgreSQL. `DsqlSchemaEditor` builds out of DSQL's
statements what PostgreSQL does in one, looks at the catalog before each step, and so finishes
what an interrupted migration began.
"""

from __future__ import annotations

import logging
from typing import Any

from django.db import ProgrammingError
from django.db.backends.ddl_references import Statement
from django.db.backends.postgresql import schema as postgresql

from worldseat.dsql.jobs import undo_of
from worldseat.dsql.schema_resumed import ResumedSteps

__all__ = ["DsqlSchemaEditor", "StandInSchemaEditor"]

logger = logging.getLogger(__name__)


class StandInSchemaEditor(postgresql.DatabaseSchemaEditor):
    """PostgreSQL's own DDL, but without a transaction around a migration."""

    def __init__(self, connection: Any, collect_sql: bool = False, atomic: bool = True) -> None:
        super().__init__(connection, collect_sql=collect_sql, atomic=False)


class DsqlSchemaEditor(ResumedSteps):
    """DSQL's DDL."""

    def create_model(self, model: Any) -> None:
        """Create a table with its indexes, or what is missing of them."""
        existing = set() if self.collect_sql else self._existing_columns(model)
        if not existing:
            super().create_model(model)
            return
        self._check_taken_up(model, existing)
        # For what it defers: foreign keys, unique indexes.
        self.table_sql(model)
        self.deferred_sql.extend(self._model_indexes_sql(model))
        for field in model._meta.local_many_to_many:
            if field.remote_field.through._meta.auto_created:
                self.create_model(field.remote_field.through)

    def _existing_columns(self, model: Any) -> set[str]:
        """Return the columns that a table has, also where one, or itself, is away to be changed."""
        table = model._meta.db_table
        columns = [field.column for field in model._meta.local_concrete_fields]
        purposes = [*columns, *(f"key {column}" for column in columns)]
        names = self.catalog.tables([table, *self._spare_tables(table, *purposes)])
        existing = {column for name in names for column in self.catalog.columns(name)}
        for column in columns:
            if existing & set(self._spare_names(table, column)):
                existing.add(column)
        return existing

    def _check_taken_up(self, model: Any, existing: set[str]) -> None:
        table = model._meta.db_table
        wanted = {field.column for field in model._meta.local_concrete_fields}
        if missing := wanted - existing:
            raise ProgrammingError(
                f"The table {table} exists already and lacks {', '.join(sorted(missing))}. Nothing "
                f"was changed. If it is left over from something else, rename or drop it."
            )
        logger.warning("The table %s exists already: taken up as it is.", table)

    def execute(self, sql: Any, params: Any = ()) -> None:
        """Run a statement, in as many steps as DSQL needs for it."""
        if sql is None:
            return
        steps = {
            self.sql_create_index: self._build_index,
            self.sql_create_unique_index: self._build_index,
            self.sql_create_unique: self._add_unique,
            self.sql_create_fk: self._add_validated,
            self.sql_create_check: self._add_validated,
        }
        if isinstance(sql, Statement) and sql.template in steps:
            self._run_steps(sql, steps[sql.template])
        elif not params and (undo := undo_of(str(sql))):
            # A migration's own, by RunSQL.
            self._run_job(str(sql), what=str(sql), undo=lambda: self._plain(undo))
        else:
            super().execute(sql, params)
