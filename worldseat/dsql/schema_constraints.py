"""Indexes and constraints by way of DSQL's asynchronous jobs."""

from __future__ import annotations

import copy
import logging
from functools import cached_property
from typing import Any

from django.db import NotSupportedError
from django.db.backends.ddl_references import Statement
from django.db.backends.postgresql import schema as postgresql
from django.db.models import Index
from django.db.models.expressions import OrderBy

from worldseat.dsql.catalog import Catalog, Constraint
from worldseat.dsql.jobs import JobFailed, Jobs
from worldseat.dsql.types import unsupported

__all__ = ["ConstraintSteps", "ascending"]

logger = logging.getLogger(__name__)


def ascending(index: Index) -> Index:
    """Return an index as DSQL can have it: its keys all ascending.

    A descending index is the ascending one read backwards, so where all keys descend nothing is
    lost but the name of the order. `manage.py check` names such indexes.
    """
    if not any(order for _, order in index.fields_orders) and not any(
        isinstance(expression, OrderBy) and expression.descending
        for expression in index.expressions
    ):
        return index
    changed = copy.copy(index)
    changed.fields_orders = [(field, "") for field, _ in index.fields_orders]
    changed.expressions = tuple(_ascending_expression(each) for each in index.expressions)
    return changed


def _ascending_expression(expression: Any) -> Any:
    if not (isinstance(expression, OrderBy) and expression.descending):
        return expression
    changed = expression.copy()
    # Read backwards, nulls too come at the other end.
    nulls_first, nulls_last = changed.nulls_first, changed.nulls_last
    changed.descending = False
    changed.nulls_first, changed.nulls_last = nulls_last, nulls_first
    return changed


def _without_order(expression: Any) -> Any:
    """Return a key without the word ASC: DSQL takes NULLS FIRST, and no order before it."""
    if not isinstance(expression, OrderBy):
        return expression
    changed = expression.copy()
    changed.template = "%(expression)s"
    return changed


def _forget_order(expressions: Any) -> None:
    """Take the order off the keys of a unique constraint, which is the same in any order."""
    for each in expressions.flatten() if expressions else ():
        if isinstance(each, OrderBy):
            each.template = "%(expression)s"
            each.nulls_first = each.nulls_last = False


# The stubs leave out Django's private hooks, of which an editor is made.
_Editor: Any = postgresql.DatabaseSchemaEditor


class ConstraintSteps(_Editor):  # type: ignore[misc]  # a base of type Any: see above
    """The part of the editor that builds indexes and adds constraints."""

    sql_create_index = (
        "CREATE INDEX ASYNC %(name)s ON %(table)s (%(columns)s)%(include)s%(condition)s"
    )
    sql_create_index_concurrently = sql_create_index
    sql_create_unique_index = (
        "CREATE UNIQUE INDEX ASYNC %(name)s ON %(table)s "
        "(%(columns)s)%(include)s%(nulls_distinct)s%(condition)s"
    )
    # Rows that are there already are looked at by a job of its own.
    sql_create_fk = f"{_Editor.sql_create_fk} NOT VALID"
    sql_create_check = f"{_Editor.sql_create_check} NOT VALID"
    sql_use_index = "ALTER TABLE %(table)s ADD CONSTRAINT %(name)s UNIQUE USING INDEX %(name)s"
    sql_validate = "ALTER TABLE ASYNC %(table)s VALIDATE CONSTRAINT %(name)s"
    sql_delete_index = "DROP INDEX IF EXISTS %(name)s"
    sql_delete_index_concurrently = sql_delete_index
    sql_delete_constraint = "ALTER TABLE %(table)s DROP CONSTRAINT IF EXISTS %(name)s"
    sql_delete_unique = sql_delete_constraint
    sql_delete_check = sql_delete_constraint
    sql_delete_fk = sql_delete_constraint
    # Where a column cannot name its foreign key, Django adds it later, through `execute`.
    sql_create_column_inline_fk = None

    def __init__(self, connection: Any, collect_sql: bool = False, atomic: bool = True) -> None:
        super().__init__(connection, collect_sql=collect_sql, atomic=False)

    @cached_property
    def catalog(self) -> Catalog:
        """What is there already."""
        return Catalog(self.connection)

    @cached_property
    def _jobs(self) -> Jobs:
        return Jobs(self.connection)

    def add_index(self, model: Any, index: Index, concurrently: bool = False) -> None:
        """Add an index; building one never blocks here, so `concurrently` changes nothing."""
        super().add_index(model, self._checked_index(index), concurrently=False)

    def _model_indexes_sql(self, model: Any) -> list[Statement]:
        own = model._meta.indexes
        model._meta.indexes = [self._checked_index(index) for index in own]
        try:
            output: list[Statement] = super()._model_indexes_sql(model)
        finally:
            model._meta.indexes = own
        return output

    def _checked_index(self, index: Index) -> Index:
        """Return the index as DSQL can have it. Raises NotSupportedError."""
        if index.suffix != Index.suffix:
            raise NotSupportedError(
                f"The index {index.name} is a {type(index).__name__}: DSQL has B-tree indexes "
                f"only. Nothing was changed. Use models.Index, or leave it out for this database."
            )
        if index.opclasses:
            raise NotSupportedError(
                f"The index {index.name} names operator classes, which DSQL does not have. "
                f"Nothing was changed. Leave them out: in the C collation LIKE 'x%' uses a plain "
                f"index."
            )
        changed = ascending(index)
        if changed is not index:
            logger.warning("The index %s is built ascending: DSQL has no DESC.", index.name)
        changed = copy.copy(changed)
        changed.expressions = tuple(_without_order(each) for each in changed.expressions)
        return changed

    def _create_like_index_sql(self, model: Any, field: Any) -> None:
        """Make no index for LIKE: in the C collation the plain index serves it."""
        return

    def _unique_sql(self, model: Any, fields: Any, name: str, **options: Any) -> Any:
        self._check_unique(name, **options)
        return super()._unique_sql(model, fields, name, **options)

    def _create_unique_sql(self, model: Any, fields: Any, name: Any = None, **options: Any) -> Any:
        self._check_unique(name, **options)
        _forget_order(options.get("expressions"))
        statement = super()._create_unique_sql(model, fields, name=name, **options)
        if options.get("nulls_distinct") is not None:
            # UNIQUE USING INDEX would do, but Django takes it down as an index.
            statement.template = self.sql_create_unique_index
        return statement

    def _delete_unique_sql(self, model: Any, name: Any, **options: Any) -> Any:
        statement = super()._delete_unique_sql(model, name, **options)
        if statement is not None and options.get("nulls_distinct") is not None:
            statement.template = self.sql_delete_index
        return statement

    def _check_unique(
        self, name: Any, deferrable: Any = None, opclasses: Any = None, **_: Any
    ) -> None:
        if deferrable is not None:
            raise NotSupportedError(
                f"The unique constraint {name} is deferrable, which DSQL does not have. Nothing "
                f"was changed. Drop deferrable=..., and write in two steps where rows exchange "
                f"their values."
            )
        if opclasses:
            raise NotSupportedError(
                f"The unique constraint {name} names operator classes, which DSQL does not have. "
                f"Nothing was changed. Leave them out."
            )

    def _build_index(self, statement: Statement) -> None:
        """Build an index and wait for it; drop it again when that fails."""
        table, name = self._target(statement)
        if not self.collect_sql:
            # Of an earlier, interrupted run: a build that is still going on is no index yet.
            self._jobs.wait_for_others(name)
            found = self.catalog.index(table, name)
            if found and found.valid:
                return
            if found:
                self._drop_index(name)
        self._run_job(
            str(statement),
            what=f"The build of the index {name} on {table}",
            undo=lambda: self._drop_index(name),
        )

    def _add_unique(self, statement: Statement) -> None:
        """Build a unique index and make it a constraint."""
        table, name = self._target(statement)
        if not self.collect_sql and name in self.catalog.constraints(table):
            return
        index = Statement(self.sql_create_unique_index, **statement.parts)
        self._build_index(index)
        super().execute(
            self.sql_use_index % {"table": self._quoted(table), "name": self._quoted(name)}
        )

    def _add_validated(self, statement: Statement) -> None:
        """Add a CHECK or a foreign key for new rows, then look at the old ones."""
        table, name = self._target(statement)
        found = None if self.collect_sql else self._find_constraint(table, name, statement)
        if found and found.validated:
            return
        if not found:
            super().execute(str(statement), None)
        name = found.name if found else name
        names = {"table": self._quoted(table), "name": self._quoted(name)}
        self._run_job(
            self.sql_validate % names,
            what=f"The validation of the constraint {name} on {table}",
            undo=lambda: super(ConstraintSteps, self).execute(self.sql_delete_constraint % names),
        )

    def _find_constraint(self, table: str, name: str, statement: Statement) -> Constraint | None:
        there = self.catalog.constraints(table)
        if name in there or "to_table" not in statement.parts:
            return there.get(name)
        # A foreign key is named after the table it refers to, which may have been renamed since.
        referring: Any = statement.parts["column"]
        own = tuple(referring.columns)
        return next(
            (each for each in there.values() if each.kind == "f" and each.columns == own), None
        )

    def _run_job(self, sql: str, *, what: str, undo: Any) -> None:
        if self.collect_sql:
            super().execute(sql, None)
            return
        try:
            self._jobs.run(sql, what=what)
        except JobFailed:
            undo()
            raise

    def _drop_index(self, name: str) -> None:
        super().execute(self.sql_delete_index % {"name": self._quoted(name)})

    def _target(self, statement: Statement) -> tuple[str, str]:
        """Return the table and the name, without quotes, that a statement is about."""
        name = str(statement.parts["name"])
        return statement.parts["table"].table, name[1:-1].replace('""', '"')

    def _quoted(self, name: str) -> str:
        return str(self.connection.ops.quote_name(name))

    def _checked_type(self, field: Any) -> str:
        """Return the type of a field's column. Raises NotSupportedError."""
        own = field.db_parameters(connection=self.connection)
        target = field
        while target.remote_field and target.concrete and not target.many_to_many:
            target = target.target_field
        # An AutoField is a bigint here, and what refers to one has its type.
        wide = target.get_internal_type() in ("AutoField", "SmallAutoField")
        kind = "bigint" if wide and target is not field else str(own["type"])
        if found := unsupported(kind, own.get("collation")):
            raise NotSupportedError(f"{field} {found[0]}. Nothing was changed. {found[1]}")
        return kind
