"""What has to be done to make a pair whole, from whatever there is of it. Nothing is done here."""

from __future__ import annotations

from dataclasses import dataclass

from worldseat.dsql.clusters.control import Cluster
from worldseat.dsql.clusters.failures import ClusterError
from worldseat.dsql.clusters.observation import Sighting
from worldseat.dsql.clusters.pair import BadPair, Pair

__all__ = [
    "ClusterFailed",
    "ClusterInactive",
    "ClusterLeaving",
    "CreateCluster",
    "ForeignPeer",
    "NamePeer",
    "OtherWitness",
    "PeerDeleted",
    "Protect",
    "Step",
    "UnreadableClusters",
    "WaitForBoth",
    "check_not_failed",
    "describe",
    "plan_creation",
]

NOT_SET_UP = frozenset({"CREATING", "PENDING_SETUP"})


class ClusterFailed(ClusterError):
    """A cluster is FAILED: waiting does not help."""

    exit_code = 6


class ClusterLeaving(ClusterError):
    """A cluster is being deleted."""

    exit_code = 4


class ClusterInactive(ClusterError):
    """A cluster sleeps because nobody used it; a connection wakes it."""

    exit_code = 4


class OtherWitness(ClusterError):
    """A cluster that exists has another witness than was asked for."""

    exit_code = 4


class ForeignPeer(ClusterError):
    """A cluster names a peer that does not belong to this pair."""

    exit_code = 4


class PeerDeleted(ClusterError):
    """The other cluster of a pair that had been set up is gone."""

    exit_code = 4


class UnreadableClusters(ClusterError):
    """A region has clusters that IAM does not let us look at; one of them may be the pair's."""

    exit_code = 5


@dataclass(frozen=True)
class CreateCluster:
    """Create a cluster. peer: the region whose cluster it names from the start, or None."""

    region: str
    peer: str | None

    def __str__(self) -> str:
        """Say it as a line of a plan."""
        naming = f", naming the cluster in {self.peer} as its peer" if self.peer else ""
        return f"create a cluster in {self.region}{naming}"


@dataclass(frozen=True)
class NamePeer:
    """Let a cluster name the one in `peer`. replaces: the dead ARNs it named before."""

    region: str
    peer: str
    replaces: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Say it as a line of a plan."""
        instead = f" instead of {', '.join(self.replaces)}" if self.replaces else ""
        return f"let the cluster in {self.region} name the one in {self.peer} as its peer{instead}"


@dataclass(frozen=True)
class Protect:
    """Protect a cluster from deletion, which a deletion that was given up had lifted."""

    region: str

    def __str__(self) -> str:
        """Say it as a line of a plan."""
        return f"protect the cluster in {self.region} from deletion"


@dataclass(frozen=True)
class WaitForBoth:
    """Wait until both take connections."""

    def __str__(self) -> str:
        """Say it as a line of a plan."""
        return "wait until both are ACTIVE (they are PENDING_SETUP until each names the other)"


Step = CreateCluster | NamePeer | Protect | WaitForBoth


def plan_creation(seen: Sighting, *, protected: bool = True) -> list[Step]:
    """Return the steps that are left, in order; none when the pair is whole.

    Creating first whatever is missing and then comparing who names whom gives the same end
    from every place an earlier run may have stopped at. protected: clusters without deletion
    protection get it; False leaves it as it is.
    Raises what stands in the way: ClusterFailed, ClusterLeaving, OtherWitness, ForeignPeer,
    PeerDeleted; BadPair without a witness; and UnreadableClusters when a cluster cannot be told
    apart from ours.
    """
    pair = seen.pair
    if pair.witness is None:
        raise BadPair("No witness was named.", todo="Name a third region with --witness.")
    for cluster in seen:
        _check(cluster, seen)
    _check_readable(seen)
    steps: list[Step] = []
    standing = set(seen.clusters)
    naming = {each.region for each in seen if each not in seen.unnamed and seen.complete}
    for region in pair.regions:
        if region in standing:
            continue
        peer = pair.other(region) if pair.other(region) in standing else None
        steps.append(CreateCluster(region, peer))
        standing.add(region)
        if peer:
            naming.add(region)
    steps += [
        NamePeer(region, pair.other(region), replaces=_dead_peers(region, seen))
        for region in pair.regions
        if region not in naming
    ]
    steps += [Protect(each.region) for each in seen if protected and not each.protected]
    if steps or not seen.connectable:
        steps.append(WaitForBoth())
    return steps


def _dead_peers(region: str, seen: Sighting) -> tuple[str, ...]:
    cluster = seen.clusters.get(region)
    return tuple(peer for peer in cluster.peers if peer in seen.gone) if cluster else ()


def _check_readable(seen: Sighting) -> None:
    for region, hidden in (seen.unreadable or {}).items():
        if region not in seen.clusters:
            raise UnreadableClusters(
                f"IAM does not allow dsql:GetCluster on {', '.join(hidden)} in {region}, and one "
                f"of them may be the pair's: creating another could make a second cluster.",
                todo=(
                    f"Allow dsql:GetCluster on the clusters of {region} (see "
                    f"`manage.py dsql_cluster policy --for setup`), then run it again."
                ),
            )


def check_not_failed(cluster: Cluster) -> None:
    """Raise ClusterFailed for a cluster that no waiting will help."""
    if cluster.status == "FAILED":
        raise ClusterFailed(
            f"The cluster {cluster.id} in {cluster.region} is FAILED. This is not slowness: "
            f"waiting longer does not help.",
            todo=(
                "AWS gives no reason in its API: see the console or AWS Support. To start anew: "
                "`manage.py dsql_cluster delete`, then `create`."
            ),
        )


def _check(cluster: Cluster, seen: Sighting) -> None:
    check_not_failed(cluster)
    where = f"The cluster {cluster.id} in {cluster.region}"
    if cluster.is_leaving:
        raise ClusterLeaving(
            f"{where} is {cluster.status}.",
            todo=(
                "Let the deletion finish (`manage.py dsql_cluster wait --for "
                "deleted`; PENDING_DELETE ends when the peer is deleted too), then run it again; "
                "or use another --name."
            ),
        )
    if cluster.witness != seen.pair.witness:
        raise OtherWitness(
            f"{where} has {cluster.witness or 'no region'} as its witness, not "
            f"{seen.pair.witness}.",
            todo=(
                f"Run it again with --witness {cluster.witness}, or with "
                f"another --name to make another pair."
                if cluster.witness
                else "It is a single-region cluster: use another --name."
            ),
        )
    _check_peers(cluster, seen, where=where)


def _check_peers(cluster: Cluster, seen: Sighting, *, where: str) -> None:
    pair = seen.pair
    other = seen.clusters.get(pair.other(cluster.region))
    foreign = [
        peer
        for peer in cluster.peers
        if peer not in seen.gone and (other is None or peer != other.arn)
    ]
    if foreign:
        raise ForeignPeer(
            f"{where} names {', '.join(foreign)} as its peer, which does not carry the tag of the "
            f"pair {pair.name!r} in {pair.other(cluster.region)}.",
            todo=(
                "If that is the pair's other cluster, tag it (`aws dsql "
                f"tag-resource --resource-arn ARN --tags worldseat:pair={pair.name}`); if not, "
                "use another --name."
            ),
        )
    if cluster.status not in NOT_SET_UP and (other is None or other.arn not in cluster.peers):
        lost = ", ".join(cluster.peers) or f"the one in {pair.other(cluster.region)}"
        raise PeerDeleted(
            f"{where} is {cluster.status} and had been set up, but its peer ({lost}) is gone.",
            todo=(
                "It may hold data, and a pair that was set up cannot get a "
                "new peer by this command. Keep it: back it up first. Start anew: `manage.py "
                "dsql_cluster delete`, then `create`."
            ),
        )


def describe(pair: Pair, steps: list[Step]) -> list[str]:
    """Say the steps as lines, and what they make."""
    return [str(step) for step in steps] or [f"nothing: the pair {pair.name!r} is whole"]
