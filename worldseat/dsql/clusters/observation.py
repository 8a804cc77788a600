"""What there is of a pair right now, in both regions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from worldseat.dsql.clusters.control import Cluster, ControlPlane, region_of
from worldseat.dsql.clusters.failures import AccessDenied, ClusterError, ClusterNotFound
from worldseat.dsql.clusters.pair import Pair

__all__ = ["Ambiguous", "Connect", "Event", "Sighting", "Tell", "observe", "refresh"]

Connect = Callable[[str], ControlPlane]


@dataclass(frozen=True)
class Event:
    """Something to show while a command works.

    statuses: region -> status, where that is what the event is about. changed: whether
    something in AWS is now different.
    """

    text: str
    statuses: Mapping[str, str] | None = None
    changed: bool = False


Tell = Callable[[Event], None]


class Ambiguous(ClusterError):
    """More than one cluster of a region carries the pair's tag."""

    exit_code = 4


@dataclass(frozen=True)
class Sighting:
    """The clusters of a pair, by region; a region that has none is left out.

    gone: ARNs that one of them names as a peer although that cluster exists no more.
    unreadable: ids in each region that IAM does not let us look at.
    """

    pair: Pair
    clusters: Mapping[str, Cluster]
    gone: frozenset[str] = frozenset()
    unreadable: Mapping[str, tuple[str, ...]] | None = None

    def __iter__(self) -> Iterator[Cluster]:
        """Walk the clusters in the order of the pair's regions."""
        return (self.clusters[each] for each in self.pair.regions if each in self.clusters)

    @property
    def complete(self) -> bool:
        """Tell whether both regions have a cluster."""
        return len(self.clusters) == len(self.pair.regions)

    @property
    def ready(self) -> bool:
        """Tell whether both take connections, and each names the other."""
        return self.complete and all(each.is_ready for each in self) and not self.unnamed

    @property
    def connectable(self) -> bool:
        """Tell whether a connection would be answered: a sleeping cluster wakes for one."""
        awake = all(each.is_ready or each.status == "INACTIVE" for each in self)
        return self.complete and awake and not self.unnamed

    @property
    def unnamed(self) -> list[Cluster]:
        """Return the clusters that do not name the other one as their peer."""
        return [
            each
            for each in self
            if (other := self.clusters.get(self.pair.other(each.region))) is not None
            and other.arn not in each.peers
        ]

    def statuses(self) -> dict[str, str]:
        """Return region -> status, for showing."""
        return {
            region: self.clusters[region].status if region in self.clusters else "-"
            for region in self.pair.regions
        }


def observe(pair: Pair, connect: Connect) -> Sighting:
    """Find the pair's clusters by their tag. Reads only. Raises Ambiguous."""
    planes = {region: connect(region) for region in pair.regions}
    clusters: dict[str, Cluster] = {}
    unreadable: dict[str, tuple[str, ...]] = {}
    for region, plane in planes.items():
        found, hidden = plane.find(pair.name)
        if hidden:
            unreadable[region] = tuple(hidden)
        if found:
            clusters[region] = _the_one(found, pair=pair, region=region)
    return Sighting(pair, clusters, gone=_gone(clusters.values(), connect), unreadable=unreadable)


def refresh(seen: Sighting, connect: Connect) -> Sighting:
    """Look again at the clusters that were found before; those deleted since are left out."""
    clusters: dict[str, Cluster] = {}
    for cluster in seen:
        try:
            again = connect(cluster.region).get(cluster.id)
        except ClusterNotFound:
            continue
        if again.status != "DELETED":
            clusters[again.region] = again
    return Sighting(seen.pair, clusters, gone=seen.gone, unreadable=seen.unreadable)


def _the_one(found: list[Cluster], *, pair: Pair, region: str) -> Cluster:
    # One that is on its way out counts only while there is no other.
    staying = [each for each in found if not each.is_leaving] or found[:1]
    if len(staying) > 1:
        ids = ", ".join(each.id for each in staying)
        raise Ambiguous(
            f"{len(staying)} clusters in {region} carry the tag of the pair {pair.name!r}: {ids}.",
            todo=(
                "Remove the tag worldseat:pair from all but one (`aws dsql "
                "untag-resource --resource-arn ARN --tag-keys worldseat:pair`), then run it again."
            ),
        )
    return staying[0]


def _gone(clusters: Collection[Cluster], connect: Connect) -> frozenset[str]:
    named = {peer for each in clusters for peer in each.peers}
    ours = {each.arn for each in clusters}
    return frozenset(peer for peer in named - ours if not _exists(peer, connect))


def _exists(arn: str, connect: Connect) -> bool:
    try:
        cluster = connect(region_of(arn)).get(arn.rpartition("/")[2])
    except ClusterNotFound:
        return False
    except AccessDenied:
        return True  # not ours to look at, so not ours to call deleted
    return not cluster.is_leaving and cluster.status != "DELETED"
