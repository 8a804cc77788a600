"""What fits into one transaction, and the error that says it does not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError

__all__ = ["ROWS", "TransactionTooLarge", "naming_the_limit"]

# "54000 transaction row limit exceeded" comes above this.
ROWS = 3000

_PROGRAM_LIMIT_EXCEEDED = "54000"


class TransactionTooLarge(OperationalError):
    """More would be changed in one transaction than DSQL takes: 3,000 rows, 10 MiB."""

    def __init__(self, reason: object) -> None:
        super().__init__(
            f"More than {ROWS:,} rows would be changed in one transaction, cascades included, or "
            f"more than 10 MiB: nothing was stored. Do it in steps, each with a transaction of its "
            f"own: worldseat.dsql.bulk has bulk_create, bulk_update, update and delete that do. "
            f"({reason})"
        )


@contextmanager
def naming_the_limit() -> Iterator[None]:
    """Raise TransactionTooLarge where the server says so in its own words."""
    try:
        yield
    except OperationalError as error:
        if _is_size(error):
            raise TransactionTooLarge(error) from error.__cause__
        raise


def _is_size(error: OperationalError) -> bool:
    state = getattr(error.__cause__, "sqlstate", None)
    # The age of a transaction has the same SQLSTATE, and is another matter.
    return (
        state == _PROGRAM_LIMIT_EXCEEDED and "transaction" in str(error) and "age" not in str(error)
    )
