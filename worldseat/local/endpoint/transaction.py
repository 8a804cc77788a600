"""What an endpoint knows of a client's transaction."""

from dataclasses import dataclass, field
from time import monotonic

from worldseat.local.endpoint.limits import KeyTooLarge, TooOld
from worldseat.local.endpoint.units import Unit
from worldseat.local.endpoint.wire import Refusal, Reply, frame, frames

# serialization_failure, deadlock_detected, lock_not_available
CONFLICTS = ("40001", "40P01", "55P03")


class Conflict(Refusal):
    """change conflicts with another transaction (OC000)"""

    def __init__(self) -> None:
        super().__init__("40001", "change conflicts with another transaction (OC000)")


class SchemaChanged(Refusal):
    """schema has been updated by another transaction (OC001)"""

    def __init__(self) -> None:
        super().__init__("40001", "schema has been updated by another transaction (OC001)")


class ServerError(Refusal):
    """An error of PostgreSQL's own, passed on as it came."""

    def __init__(self, reply: Reply) -> None:
        fields = reply.error or {}
        super().__init__(fields.get("C", "XX000"), fields.get("M", ""))
        self._raw = next(frame(k, p) for k, p in frames(reply.data) if k == b"E")

    def frame(self, severity: str = "ERROR") -> bytes:
        """Return PostgreSQL's own message."""
        return self._raw


def as_refusal(reply: Reply) -> Refusal:
    """Return the error of a reply in DSQL's words."""
    if reply.sqlstate in CONFLICTS:
        return Conflict()
    if reply.sqlstate == "54000" and "index row" in (reply.error or {}).get("M", ""):
        return KeyTooLarge()
    return ServerError(reply)


@dataclass
class Deferred:
    """A write that was answered from a private copy and has to be made at COMMIT."""

    unit: Unit
    answer: bytes


@dataclass
class Transaction:
    """A transaction, explicit (BEGIN) or implicit (a statement or pipeline in autocommit).

    `size` is how many bytes the client has sent, `weights` how many it has written into tables.
    `doomed`: another transaction that wrote the same has committed; COMMIT will say so.
    `deferred`: writes that met a row which another open transaction has written.
    `pretended`: names of the tables that the client believes to have written, and has not.
    `failed`: the client has been told of an error; the backend's transaction is over.
    """

    explicit: bool
    started: float = field(default_factory=monotonic)
    rows: int = 0
    size: int = 0
    weights: dict[str, int] = field(default_factory=dict)
    wrote: bool = False
    deleted: bool = False
    ddl: bool = False
    jobs: bool = False
    savepoint: bool = False
    failed: bool = False
    expired: bool = False
    outdated: bool = False
    doomed: bool = False
    deferred: list[Deferred] = field(default_factory=list)
    pretended: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)

    def refusal(self) -> Refusal | None:
        """Return, once, why it was ended while its client was silent."""
        if self.outdated:
            self.outdated = False
            return SchemaChanged()
        if self.expired:
            self.expired = False
            return TooOld()
        return None

    def age(self) -> float:
        """Return how many seconds ago it began."""
        return monotonic() - self.started
