"""What Django's checks ask a backend."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage
from django.db.backends.base.validation import BaseDatabaseValidation

from worldseat.dsql.checks import check_column, check_connection, check_models

__all__ = ["DatabaseValidation"]


class DatabaseValidation(BaseDatabaseValidation):
    """Checks that need no connection: `manage.py check --database default`."""

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        """Return what will hurt on DSQL."""
        return [
            *super().check(**kwargs),
            *check_connection(self.connection),
            *check_models(self.connection),
        ]

    def check_field_type(self, field: Any, field_type: str) -> list[CheckMessage]:
        """Return an error where no column of DSQL can hold the field."""
        return list(check_column(self.connection, field, field_type))
