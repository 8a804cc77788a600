"""Which types a column of DSQL may have."""

from __future__ import annotations

import re

__all__ = ["unsupported"]

# What may be the type of a column: there are no arrays, ranges, inet, money.
_TYPES = re.compile(
    r"(smallint|integer|bigint|real|double precision|numeric|decimal|char|varchar|text|date|time"
    r"|timestamp|interval|boolean|bytea|uuid|jsonb?)"
    r"( with time zone| without time zone)?(\([-\d, ]+\))?( with time zone| without time zone)?",
)
# Every column is compared by its bytes.
_COLLATION = "C"


def unsupported(kind: str, collation: str | None) -> tuple[str, str] | None:
    """Return what is wrong with a column's type and what to do instead, None if nothing is."""
    if not _TYPES.fullmatch(kind):
        return (
            f"is of type {kind}, which DSQL does not have",
            "Use a JSONField or a TextField, or a table of its own for many values.",
        )
    if collation and str(collation) != _COLLATION:
        return (
            "names a collation: DSQL has C only",
            "Leave out db_collation, and compare with Lower() or __iexact where case is not to "
            "count.",
        )
    return None
