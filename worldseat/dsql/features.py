"""What DSQL can do, where that differs from PostgreSQL."""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql import features as postgresql

__all__ = ["DatabaseFeatures"]


class DatabaseFeatures(postgresql.DatabaseFeatures):
    """Flags of DSQL; a PostgreSQL that stands in for it is held to most of them."""

    # Every DDL statement is a transaction of its own.
    can_rollback_ddl = False
    # "0A000 unsupported transaction statement: SAVEPOINT"
    uses_savepoints = False
    can_release_savepoints = False

    def __init__(self, connection: Any) -> None:
        super().__init__(connection)
        if connection.uses_iam:
            # There is no ALTER INDEX.
            self.can_rename_index = False
            # One change in one ALTER TABLE.
            self.supports_combined_alters = False
