"""DSQL's limits, and the errors that say one was passed."""

from dataclasses import dataclass, fields, replace
from time import monotonic
from typing import Any

from worldseat.local.endpoint.wire import Refusal


@dataclass(frozen=True)
class Limits:
    """Aurora DSQL user guide, "Cluster quotas and database limits". Tests make them smaller."""

    rows: int = 3_000
    size: int = 10 * 1024 * 1024  # bytes
    transaction_seconds: float = 300.0
    connection_seconds: float = 3_600.0
    connections: int = 10_000
    connection_rate: float = 100.0  # new ones a second
    connection_burst: int = 1_000
    column: int = 1024 * 1024  # bytes, like the next two
    row: int = 2 * 1024 * 1024
    key: int = 1024
    tables: int = 1_000
    schemas: int = 10
    columns: int = 255
    indexes: int = 24
    # Ours: how long a statement may wait for a lock before it counts as a conflict.
    lock_milliseconds: int = 10

    def changed(self, changes: dict[str, Any]) -> "Limits":
        """Return limits with other values; raises ValueError for what is no limit, or no value."""
        known = {f.name: type(f.default) for f in fields(self)}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"no limit {name!r}; there are {', '.join(known)}")
            fits = isinstance(value, int if known[name] is int else int | float)
            if not fits or isinstance(value, bool) or value < 0:
                raise ValueError(f"{value!r} is no value of the limit {name!r}")
        return replace(self, **changes)


class Bucket:
    """Lets connections in at a rate, and a burst of them after a while without any."""

    def __init__(self) -> None:
        self._used = 0.0
        self._at = monotonic()

    def take(self, limits: Limits) -> None:
        """Count a new connection; raises Refusal where there are too many at once."""
        now = monotonic()
        self._used = max(0.0, self._used - (now - self._at) * limits.connection_rate)
        self._at = now
        if self._used + 1 > limits.connection_burst:
            raise Refusal("53400", "unable to accept connection, rate exceeded")
        self._used += 1


class TooManyRows(Refusal):
    """transaction row limit exceeded"""

    def __init__(self) -> None:
        super().__init__("54000", "transaction row limit exceeded")


class TooMuchData(Refusal):
    """transaction size limit 10mb exceeded"""

    def __init__(self) -> None:
        super().__init__("54000", "transaction size limit 10mb exceeded")


class TooWide(Refusal):
    """maximum column size exceeded; maximum row size exceeded"""

    def __init__(self, what: str) -> None:
        super().__init__("54000", f"maximum {what} size exceeded")


class KeyTooLarge(Refusal):
    """key size too large"""

    def __init__(self) -> None:
        super().__init__("54000", "key size too large")


class TooOld(Refusal):
    """transaction age limit of 300s exceeded"""

    def __init__(self) -> None:
        super().__init__("54000", "transaction age limit of 300s exceeded")
