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
from worldseat.dsql.schema_fields import FieldSteps

__all__ = ["DsqlSchemaEditor", "StandInSchemaEditor"]

logger = logging.getLogger(__name__)


class StandInSchemaEditor(postgresql.DatabaseSchemaEditor):
    """PostgreSQL's own DDL, but without a transaction around a migration."""

    def __init__(self, connection: Any, collect_sql: bool = False, atomic: bool = True) -> None:
        super().__init__(connection, collect_sql=collect_sql, atomic=False)


class DsqlSchemaEditor(FieldSteps):
    """DSQL's DDL."""

    def create_model(self, model: Any) -> None:
        """Create a table with its indexes, or what is missing of them."""
        table = model._meta.db_table
        existing = set() if self.collect_sql else set(self.catalog.columns(table))
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

    def _check_taken_up(self, model: Any, existing: set[str]) -> None:
        table = model._meta.db_table
        wanted = {field.column for field in model._meta.local_concrete_fields}
        if missing := wanted - existing:
            raise ProgrammingError(
                f"The table {table} exists already and lacks {', '.join(sorted(missing))}. Nothing "
                f"was changed. If it is left over from something else, rename or drop it."
            )
        logger.warning("The table %s exists already: taken up as it is.", table)

    def alter_db_table(self, model: Any, old_db_table: str, new_db_table: str) -> None:
        """Rename a table, unless that has happened."""
        if old_db_table != new_db_table and not self.collect_sql:
            renamed = self.catalog.columns(new_db_table) and not self.catalog.columns(old_db_table)
            if renamed:
                return
        super().alter_db_table(model, old_db_table, new_db_table)

    def _delete_composed_index(
        self, model: Any, fields: Any, constraint_kwargs: dict[str, bool], sql: str
    ) -> None:
        """Drop the index of a unique_together or index_together, unless that has happened."""
        columns = [model._meta.get_field(field).column for field in fields]
        if not self.collect_sql and not self._constraint_names(model, columns, **constraint_kwargs):
            logger.warning("The index of %s on %s is gone already.", columns, model._meta.db_table)
            return
        super()._delete_composed_index(model, fields, constraint_kwargs, sql)

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
            steps[sql.template](sql)
        elif not params and (undo := undo_of(str(sql))):
            # A migration's own, by RunSQL.
            self._run_job(str(sql), what=str(sql), undo=lambda: self._plain(undo))
        else:
            super().execute(sql, params)
