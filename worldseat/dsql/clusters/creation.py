"""Making a pair, from nothing or from wherever an earlier run stopped."""

from __future__ import annotations

from functools import partial

from worldseat.dsql.clusters.control import Cluster, ControlPlane
from worldseat.dsql.clusters.failures import ClusterError, ClusterNotFound
from worldseat.dsql.clusters.observation import Connect, Event, Sighting, Tell
from worldseat.dsql.clusters.patience import Patience, Unsettled
from worldseat.dsql.clusters.plan import (
    ClusterLeaving,
    CreateCluster,
    NamePeer,
    Protect,
    WaitForBoth,
    plan_creation,
)
from worldseat.dsql.clusters.waiting import wait_until_ready

__all__ = ["TokenSpent", "create_pair"]

# How often a deleted cluster may have used up a token before we stop counting.
GENERATIONS = 20


class TokenSpent(ClusterError):
    """AWS answers CreateCluster with clusters that were deleted before, again and again."""


def create_pair(
    seen: Sighting,
    *,
    connect: Connect,
    patience: Patience,
    tell: Tell,
    protected: bool = True,
    wait: bool = True,
) -> Sighting:
    """Do what `plan_creation` says, and return the pair as it stands then.

    Safe to run again after an interruption at any point, by anyone: what exists is found by
    its tag, a repeated creation carries the same token, and naming a peer twice is one.
    Raises the errors of `plan_creation`, `wait_until_ready` and AWS's own.
    """
    clusters = dict(seen.clusters)
    for step in plan_creation(seen, protected=protected):
        now = Sighting(seen.pair, clusters, gone=seen.gone)
        if isinstance(step, CreateCluster):
            clusters[step.region] = _create(
                step, now, connect=connect, patience=patience, tell=tell, protected=protected
            )
        elif isinstance(step, NamePeer):
            clusters[step.region] = _name_peer(
                step, now, connect=connect, patience=patience, tell=tell
            )
        elif isinstance(step, Protect):
            clusters[step.region] = _protect(
                step, now, connect=connect, patience=patience, tell=tell
            )
        elif isinstance(step, WaitForBoth) and wait:
            return wait_until_ready(now, connect=connect, patience=patience, tell=tell)
    return Sighting(seen.pair, clusters, gone=seen.gone)


def _create(
    step: CreateCluster,
    now: Sighting,
    *,
    connect: Connect,
    patience: Patience,
    tell: Tell,
    protected: bool,
) -> Cluster:
    plane, pair = connect(step.region), now.pair
    peers = [now.clusters[step.peer].arn] if step.peer else []

    def send(generation: int) -> Cluster | None:
        identifier = plane.create(
            witness=pair.witness or "",
            peers=peers,
            tags=pair.tags,
            protected=protected,
            client_token=pair.client_token(
                step.region,
                peer_arn=peers[0] if peers else None,
                protected=protected,
                generation=generation,
            ),
        )
        return _appears(plane, identifier, patience=patience)

    tell(Event(f"creating a cluster in {step.region}"))
    for generation in range(GENERATIONS):
        cluster = patience.briefly().call(partial(send, generation))
        if cluster is not None:
            tell(Event(f"created {cluster.arn}", changed=True))
            return cluster
    raise TokenSpent(
        f"{GENERATIONS} clusters of the pair {pair.name!r} were created and deleted in "
        f"{step.region} lately, and AWS answers with those.",
        todo="Use another --name, or try again tomorrow.",
    )


def _appears(plane: ControlPlane, identifier: str, *, patience: Patience) -> Cluster | None:
    """Return the cluster once it can be seen; None when it was deleted long ago.

    AWS answers a repeated token with the first answer, also after that cluster's deletion.
    """

    def look() -> Cluster | None:
        try:
            return plane.get(identifier)
        except ClusterNotFound:
            return None

    try:
        cluster = patience.briefly().until(look, lambda seen: seen is not None)
    except Unsettled:
        return None
    if cluster is not None and cluster.is_leaving:
        raise ClusterLeaving(
            f"The cluster {cluster.id} in {cluster.region}, made by an earlier run, is "
            f"{cluster.status}.",
            todo="Let the deletion finish (`wait --for deleted`), then run it again.",
        )
    return None if cluster is None or cluster.status == "DELETED" else cluster


def _name_peer(
    step: NamePeer, now: Sighting, *, connect: Connect, patience: Patience, tell: Tell
) -> Cluster:
    plane, cluster, peer = connect(step.region), now.clusters[step.region], now.clusters[step.peer]
    tell(Event(str(step)))
    patience.call(
        partial(plane.name_peers, cluster.id, witness=now.pair.witness or "", peers=[peer.arn])
    )
    tell(Event(f"{cluster.arn} names {peer.arn}", changed=True))
    return patience.until(lambda: plane.get(cluster.id), lambda seen: peer.arn in seen.peers)


def _protect(
    step: Protect, now: Sighting, *, connect: Connect, patience: Patience, tell: Tell
) -> Cluster:
    plane, cluster = connect(step.region), now.clusters[step.region]
    tell(Event(str(step)))
    patience.call(partial(plane.protect, cluster.id, on=True))
    tell(Event(f"{cluster.arn} is protected from deletion", changed=True))
    return patience.until(lambda: plane.get(cluster.id), lambda seen: seen.protected)
