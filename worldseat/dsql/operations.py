"""SQL that differs from PostgreSQL's outside of DDL."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import NotSupportedError
from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.backends.postgresql import operations as postgresql
from django.db.models.functions.text import PostgreSQLSHAMixin

from worldseat.dsql.catalog import Catalog
from worldseat.dsql.flush import delete_all_rows, in_order_of_deletion
from worldseat.dsql.limits import ROWS, TransactionTooLarge

__all__ = ["DatabaseOperations"]

_ADDRESSES = frozenset({"IPAddressField", "GenericIPAddressField"})


class DatabaseOperations(postgresql.DatabaseOperations):
    """Lookups and values of columns that have another type on DSQL."""

    def lookup_cast(self, lookup_type: str, internal_type: str | None = None) -> str:
        """Return how a column is written in a lookup: an address is text on DSQL."""
        if internal_type in _ADDRESSES and self._has_text_addresses:
            internal_type = "CharField"
        return str(super().lookup_cast(lookup_type, internal_type))

    def adapt_ipaddressfield_value(self, value: Any) -> Any:
        """Return an address as its column takes it."""
        if self._has_text_addresses:
            return value or None
        return super().adapt_ipaddressfield_value(value)

    connection: Any

    def check_expression_support(self, expression: Any) -> None:
        """Refuse what needs an extension: DSQL has none. Raises NotSupportedError."""
        if self.connection.uses_iam and isinstance(expression, PostgreSQLSHAMixin):
            raise NotSupportedError(
                f"{type(expression).__name__} is pgcrypto's, an extension, which DSQL does not "
                f"have. Use hashlib in Python, or MD5."
            )

    def bulk_batch_size(self, fields: Any, objs: Any) -> int:
        """Return how many rows one statement takes: all of them, up to the limit.

        Django asks before it sends anything, and puts all batches into one transaction.
        Raises TransactionTooLarge.
        """
        if self.connection.uses_iam and len(objs) > ROWS and not _asks_what_refers(fields, objs):
            raise TransactionTooLarge(f"{len(objs):,} objects; nothing was sent")
        return len(objs)

    def integer_field_range(self, internal_type: str) -> tuple[int, int]:
        """Return the values of an integer column: a counting one is a bigint on DSQL."""
        if self.connection.uses_iam and internal_type in ("AutoField", "SmallAutoField"):
            internal_type = "BigAutoField"
        least, most = super().integer_field_range(internal_type)
        return least, most

    def sql_flush(
        self, style: Any, tables: Any, *, reset_sequences: bool = False, allow_cascade: bool = False
    ) -> list[str]:
        """Return DELETEs, those of referring tables first: there is no TRUNCATE."""
        if not self.connection.uses_iam:
            return list(
                super().sql_flush(
                    style, tables, reset_sequences=reset_sequences, allow_cascade=allow_cascade
                )
            )
        if allow_cascade:
            tables = self._with_referring(tables)
        ordered = in_order_of_deletion(self.connection, tables)
        statements = [f"DELETE FROM {self.quote_name(table)};" for table in ordered]
        if reset_sequences:
            for table in ordered:
                statements += self._restart_sql(table)
        return statements

    def tablespace_sql(self, tablespace: str | None, inline: bool = False) -> str:
        """Return nothing: there are no tablespaces, and Django's models may name one."""
        if self.connection.uses_iam:
            return ""
        return str(super().tablespace_sql(tablespace, inline))

    def prepare_sql_script(self, sql: str) -> list[str]:
        """Return a script's statements one by one: each DDL is a transaction of its own."""
        if not self.connection.uses_iam:
            return list(super().prepare_sql_script(sql))
        return list(BaseDatabaseOperations.prepare_sql_script(self, sql))

    def _with_referring(self, tables: Any) -> list[str]:
        catalog, found, new = Catalog(self.connection), list(tables), list(tables)
        while new:
            referring = {each.table for table in new for each in catalog.references(table)}
            new = sorted(referring - set(found))
            found += new
        return found

    def _restart_sql(self, table: str) -> list[str]:
        with self.connection.cursor() as cursor:
            sequences = self.connection.introspection.get_sequences(cursor, table)
        return [
            f"ALTER TABLE {self.quote_name(table)} "
            f"ALTER COLUMN {self.quote_name(each['column'])} RESTART WITH 1;"
            for each in sequences
        ]

    def execute_sql_flush(self, sql_list: Iterable[str]) -> None:
        """Empty the tables in steps that the limit of rows allows."""
        if self.connection.uses_iam:
            delete_all_rows(self.connection, list(sql_list))
        else:
            super().execute_sql_flush(sql_list)

    @property
    def _has_text_addresses(self) -> bool:
        return bool(self.connection.uses_iam)


def _asks_what_refers(fields: Any, objs: Any) -> bool:
    """Tell whether Django only looks for what refers to the objects, as delete() and the admin do.

    It names the foreign keys then; bulk_create and bulk_update name columns of the objects' own.
    """
    return all(
        field.remote_field is not None and isinstance(objs[0], field.remote_field.model)
        for field in fields
    )
