"""Test databases: schemas of the one database, since DSQL has no CREATE DATABASE."""

from __future__ import annotations

import sys
from typing import Any

from django.db import NotSupportedError, ProgrammingError
from django.db.backends.postgresql import creation as postgresql

__all__ = ["DatabaseCreation"]


class DatabaseCreation(postgresql.DatabaseCreation):
    """On DSQL a NAME other than "postgres" is a schema: see DatabaseWrapper."""

    connection: Any

    def _create_test_db(self, verbosity: int, autoclobber: bool, keepdb: bool = False) -> str:
        if not self.connection.uses_iam:
            name: str = super()._create_test_db(  # type: ignore[misc]  # the stubs leave it out
                verbosity, autoclobber, keepdb
            )
            return name
        name = self._get_test_db_name()  # type: ignore[attr-defined]  # the stubs leave it out
        with self._nodb_cursor() as cursor:
            if self._schema_exists(cursor, name):
                if keepdb:
                    return name
                if not autoclobber and not _agreed(name):
                    print("Tests cancelled.")
                    sys.exit(1)
                self._drop_schema(cursor, name)
            cursor.execute(f"CREATE SCHEMA {self.connection.ops.quote_name(name)}")
        return name

    def _destroy_test_db(self, test_database_name: str, verbosity: int) -> None:
        if not self.connection.uses_iam:
            super()._destroy_test_db(  # type: ignore[misc]  # the stubs leave it out
                test_database_name, verbosity
            )
            return
        self.connection.close_pool()
        with self._nodb_cursor() as cursor:
            self._drop_schema(cursor, test_database_name)

    def _clone_test_db(self, suffix: str, verbosity: int, keepdb: bool = False) -> None:
        """Refuse: a schema cannot be copied. Raises NotSupportedError."""
        if self.connection.uses_iam:
            raise NotSupportedError(
                "A test database is a schema on DSQL, which cannot be copied. Nothing was changed. "
                "Run the tests with --parallel 1."
            )
        super()._clone_test_db(suffix, verbosity, keepdb)  # type: ignore[misc]  # stubs lack it

    def _nodb_cursor(self) -> Any:
        return self.connection._nodb_cursor()

    def _schema_exists(self, cursor: Any, name: str) -> bool:
        cursor.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [name])
        return cursor.fetchone() is not None

    def _drop_schema(self, cursor: Any, name: str) -> None:
        """Drop a schema, table by table: each is a transaction."""
        if name in ("postgres", "public"):
            raise ProgrammingError(f"{name!r} is no schema of tests: nothing was dropped.")
        quote = self.connection.ops.quote_name
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [name])
        for (table,) in cursor.fetchall():
            cursor.execute(f"DROP TABLE IF EXISTS {quote(name)}.{quote(table)} CASCADE")
        cursor.execute(f"DROP SCHEMA IF EXISTS {quote(name)} CASCADE")


def _agreed(name: str) -> bool:
    print(f"The schema {name!r} of earlier tests is there. Type 'yes' to drop it: ", end="")
    return input() == "yes"
