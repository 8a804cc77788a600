"""What DSQL can do, where that differs from PostgreSQL."""

from __future__ import annotations

from django.db.backends.postgresql import features as postgresql

__all__ = ["DatabaseFeatures"]


class DatabaseFeatures(postgresql.DatabaseFeatures):
    """Flags of DSQL; a PostgreSQL that stands in for it is held to them too."""

    # Every DDL statement is a transaction of its own.
    can_rollback_ddl = False
    # "0A000 unsupported transaction statement: SAVEPOINT"
    uses_savepoints = False
    can_release_savepoints = False
