"""SQL that differs from PostgreSQL's outside of DDL."""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql import operations as postgresql

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

    @property
    def _has_text_addresses(self) -> bool:
        return bool(self.connection.uses_iam)
