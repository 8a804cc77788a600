"""A pair: two regions that serve, a witness that does not, and the name that ties them."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass, field

from worldseat.dsql.clusters.failures import ClusterError

__all__ = ["KNOWN_REGIONS", "PAIR_TAG", "BadPair", "Pair"]

PAIR_TAG = "worldseat:pair"

# Where DSQL has multi-region clusters, from the region list of AWS Config's rule
# dsql-cluster-multi-region-replication-enabled (November 2026). botocore keeps no such list.
KNOWN_REGIONS = frozenset(
    {
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-northeast-3",
        "ap-south-1",
        "ap-southeast-1",
        "ca-central-1",
        "ca-west-1",
        "eu-central-1",
        "eu-north-1",
        "eu-south-2",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "us-east-1",
        "us-east-2",
        "us-west-2",
    }
)

_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")


class BadPair(ClusterError):
    """The regions, the witness or the name cannot make a pair."""

    exit_code = 2


@dataclass(frozen=True)
class Pair:
    """What was asked for. The clusters of a pair are found again by the tag with its name.

    witness: needed to create the pair only; afterwards the clusters themselves know it.
    accepted: regions to be taken for DSQL regions although KNOWN_REGIONS has them not.
    Raises BadPair for what no request to AWS could make right.
    """

    name: str
    regions: tuple[str, str]
    witness: str | None = None
    accepted: Collection[str] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise BadPair(
                f"{self.name!r} cannot name a pair.",
                todo="Use up to 40 lower-case letters, digits and hyphens, a letter first.",
            )
        if self.regions[0] == self.regions[1]:
            raise BadPair(
                f"Both regions are {self.regions[0]}.", todo="Name two different regions."
            )
        if self.witness in self.regions:
            raise BadPair(
                f"The witness {self.witness} is one of the two regions.",
                todo="Name a third region: the witness decides when the two cannot see each other.",
            )
        named = self.regions if self.witness is None else (*self.regions, self.witness)
        for region in named:
            check_region(region, accepted=self.accepted)

    @property
    def tags(self) -> dict[str, str]:
        """Return the tags of each cluster, by which a later run finds it."""
        return {PAIR_TAG: self.name, "Name": self.name}

    def other(self, region: str) -> str:
        """Return the peer of `region`."""
        first, second = self.regions
        return second if region == first else first

    def client_token(
        self, region: str, *, peer_arn: str | None, protected: bool, generation: int
    ) -> str:
        """Return the token that makes a repeated CreateCluster the same request.

        It is the same on every machine and in every run, so an answer that got lost, a kill
        or a second operator make no second cluster. What is asked for is part of it: AWS
        refuses a token that comes again with another request. generation: counts up when a
        token turns out to belong to a cluster that is deleted.
        """
        asked = (self.name, region, self.witness, peer_arn, protected, generation)
        return f"worldseat-{hashlib.sha256(repr(asked).encode()).hexdigest()[:40]}"


def check_region(region: str, *, accepted: Collection[str] = ()) -> None:
    """Refuse a region that does not exist, or where DSQL is not known to be. Raises BadPair."""
    if region in KNOWN_REGIONS or region in accepted:
        return
    exists = region in _aws_regions()
    offered = ", ".join(sorted(KNOWN_REGIONS))
    if exists:
        raise BadPair(
            f"Aurora DSQL is not known to be offered in {region}.",
            todo=f"Choose among {offered}; if AWS has added it since, --accept-region {region}.",
        )
    close = difflib.get_close_matches(region, sorted(KNOWN_REGIONS), n=1)
    meant = f"Did you mean {close[0]}? " if close else ""
    raise BadPair(f"There is no AWS region {region!r}.", todo=f"{meant}DSQL is in {offered}.")


def _aws_regions() -> set[str]:
    import botocore.session

    session = botocore.session.get_session()
    return {
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("ec2", partition_name=partition)
    }
