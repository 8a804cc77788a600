"""What the sessions of one region share."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from worldseat.local.endpoint.backend import Address
from worldseat.local.endpoint.catalog import CatalogVersion
from worldseat.local.endpoint.faults import Faults
from worldseat.local.endpoint.identity import Identity
from worldseat.local.endpoint.limits import Bucket, Limits

if TYPE_CHECKING:
    from worldseat.local.endpoint.jobs import Jobs
    from worldseat.local.endpoint.session import Session
    from worldseat.local.endpoint.wounds import Wounds


@dataclass
class Counters:
    """What has happened since the process started.

    `round_trips` counts what clients sent and waited for: a simple query, or a pipeline up to its
    Sync. `conflicts` and `schema_conflicts` are the OC000 and OC001 given, injected ones included;
    `early_conflicts` those OC000 that came at a statement inside a transaction. `deferred` counts
    writes that met another open transaction's row, `wounded` the transactions that lost to a
    first committer.
    """

    connections: int = 0
    refused: int = 0
    open: int = 0
    statements: int = 0
    round_trips: int = 0
    commits: int = 0
    rollbacks: int = 0
    conflicts: int = 0
    early_conflicts: int = 0
    schema_conflicts: int = 0
    deferred: int = 0
    wounded: int = 0

    def describe(self) -> dict[str, int]:
        """Return the counters by name."""
        return asdict(self)


@dataclass
class Region:
    """One region's endpoint."""

    name: str
    identity: Identity
    backend: Address
    limits: Limits
    catalog: CatalogVersion
    jobs: "Jobs"
    wounds: "Wounds"
    faults: Faults = field(default_factory=Faults)
    deferring: tuple[int, frozenset[str]] | None = None
    bucket: Bucket = field(default_factory=Bucket)
    counters: Counters = field(default_factory=Counters)
    sessions: "dict[int, Session]" = field(default_factory=dict)

    @property
    def host(self) -> str:
        """Return the endpoint's name."""
        return self.identity.host(self.name)

    @property
    def certificate(self) -> Path:
        """Return the file with the endpoint's certificate and key."""
        return self.identity.directory / f"{self.host}.pem"
