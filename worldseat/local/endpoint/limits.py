"""DSQL's limits, and the errors that say one was passed."""

from dataclasses import dataclass

from worldseat.local.endpoint.wire import Refusal


@dataclass(frozen=True)
class Limits:
    """Aurora DSQL user guide, "Cluster quotas and database limits". Tests make them smaller."""

    rows: int = 3_000
    size: int = 10 * 1024 * 1024  # bytes
    transaction_seconds: float = 300.0
    connection_seconds: float = 3_600.0
    # Ours: how long a statement may wait for a lock before it counts as a conflict.
    lock_milliseconds: int = 10


class TooManyRows(Refusal):
    """transaction row limit exceeded"""

    def __init__(self) -> None:
        super().__init__("54000", "transaction row limit exceeded")


class TooMuchData(Refusal):
    """transaction size limit 10mb exceeded"""

    def __init__(self) -> None:
        super().__init__("54000", "transaction size limit 10mb exceeded")


class TooOld(Refusal):
    """transaction age limit of 300s exceeded"""

    def __init__(self) -> None:
        super().__init__("54000", "transaction age limit of 300s exceeded")
