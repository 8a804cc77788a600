"""DDL, one statement at a time."""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql import schema as postgresql

__all__ = ["DatabaseSchemaEditor"]


class DatabaseSchemaEditor(postgresql.DatabaseSchemaEditor):
    """Run each statement of a migration by itself: DSQL has no transactional DDL."""

    def __init__(self, connection: Any, collect_sql: bool = False, atomic: bool = True) -> None:
        super().__init__(connection, collect_sql=collect_sql, atomic=False)
