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
            # Nothing waits for a lock; other clauses are refused (0A000) or mean nothing.
            self.has_select_for_update_nowait = False
            self.has_select_for_update_skip_locked = False
            self.has_select_for_update_of = False
            self.has_select_for_no_key_update = False
            # "DEFERRABLE constraint not supported"; foreign keys can be.
            self.supports_deferrable_unique_constraints = False
            # "specifying sort order not supported for index keys"
            self.supports_index_column_ordering = False
            # ADD COLUMN takes a name and a type.
            self.can_create_inline_fk = False
            # The C collation only (`manage.py check` names others), and no tablespaces.
            self.supports_non_deterministic_collations = False
            self.test_collations = {"deterministic": "C", "virtual": "C"}
            self.supports_tablespaces = False
            self.can_introspect_materialized_views = False
            # Test databases are schemas, and a schema cannot be copied.
            self.can_clone_databases = False
            # Functions are in SQL only, and there are no procedures.
            self.create_test_procedure_without_params_sql: Any = None
            self.create_test_procedure_with_int_param_sql: Any = None
            # An address is text there.
            self.introspected_field_types = {
                **self.introspected_field_types,
                "AutoField": "BigAutoField",
                "SmallAutoField": "BigAutoField",
                "GenericIPAddressField": "CharField",
            }
