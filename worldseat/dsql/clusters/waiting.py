"""Waiting for a pair: what is slow, what has failed, and what can never come."""

from __future__ import annotations

from collections.abc import Callable

from worldseat.dsql.clusters.failures import ClusterError
from worldseat.dsql.clusters.observation import Connect, Event, Sighting, Tell, refresh
from worldseat.dsql.clusters.patience import Patience, Unsettled
from worldseat.dsql.clusters.plan import (
    ClusterInactive,
    ClusterLeaving,
    PeerDeleted,
    check_not_failed,
)

__all__ = ["NotLeaving", "NotPeered", "PairIncomplete", "wait_until_gone", "wait_until_ready"]


class NotPeered(ClusterError):
    """A cluster waits for a peer that it, or that peer, does not name: it would wait for ever."""

    exit_code = 4


class PairIncomplete(ClusterError):
    """A region of the pair has no cluster."""

    exit_code = 4


class NotLeaving(ClusterError):
    """A cluster stays, and somebody waits for it to go."""

    exit_code = 4


def wait_until_ready(
    seen: Sighting, *, connect: Connect, patience: Patience, tell: Tell
) -> Sighting:
    """Wait until both clusters take connections.

    botocore's waiter `cluster_active` knows no failure: this one raises at once what waiting
    cannot help (ClusterFailed, ClusterLeaving, ClusterInactive, NotPeered, PairIncomplete,
    PeerDeleted), and Unsettled when it is merely slow.
    """
    check_can_become_ready(seen)

    def look() -> Sighting:
        again = refresh(seen, connect)
        tell(Event("waiting until both are ACTIVE", statuses=again.statuses()))
        check_can_become_ready(again, before=seen)
        return again

    return _until(look, done=lambda sight: sight.ready, patience=patience)


def wait_until_gone(seen: Sighting, *, connect: Connect, patience: Patience, tell: Tell) -> None:
    """Wait until the clusters exist no more.

    Raises Unsettled when it is slow, ClusterFailed when a deletion failed, and NotLeaving at
    once when a cluster is not being deleted at all.
    """

    def look() -> Sighting:
        again = refresh(seen, connect)
        tell(Event("waiting until both are deleted", statuses=again.statuses()))
        for cluster in again:
            check_not_failed(cluster)
            if not cluster.is_leaving:
                raise NotLeaving(
                    f"The cluster {cluster.id} in {cluster.region} is {cluster.status}: nobody "
                    f"has asked for its deletion.",
                    todo="Run `manage.py dsql_cluster delete`.",
                )
        return again

    _until(look, done=lambda sight: not sight.clusters, patience=patience)


def _until(
    look: Callable[[], Sighting], *, done: Callable[[Sighting], bool], patience: Patience
) -> Sighting:
    try:
        return patience.until(look, done)
    except Unsettled as slow:
        last: Sighting = slow.last
        where = ", ".join(f"{region} {status}" for region, status in last.statuses().items())
        unsettled = Unsettled(f"{slow.what[:-1]} ({where}).", todo=slow.todo)
        unsettled.last = last
        raise unsettled from None


def check_can_become_ready(seen: Sighting, *, before: Sighting | None = None) -> None:
    """Raise what keeps a pair from ever becoming ready by itself."""
    for cluster in seen:
        check_not_failed(cluster)
        where = f"The cluster {cluster.id} in {cluster.region}"
        if cluster.is_leaving:
            raise ClusterLeaving(
                f"{where} is {cluster.status}: it will not become ACTIVE.",
                todo="Wait for its end (`wait --for deleted`), then `create`.",
            )
        if cluster.status == "INACTIVE":
            raise ClusterInactive(
                f"{where} is INACTIVE: nobody has used it for long, and it sleeps.",
                todo="Connect to wake it (`manage.py migrate --check`, or `grant` again).",
            )
    _check_both(seen, before)


def _check_both(seen: Sighting, before: Sighting | None) -> None:
    missing = [region for region in seen.pair.regions if region not in seen.clusters]
    if missing and before is not None:
        raise PeerDeleted(
            f"The cluster in {', '.join(missing)} was deleted while this waited for it.",
            todo="Run `manage.py dsql_cluster status`, then `create` or `delete`.",
        )
    if missing:
        raise PairIncomplete(
            f"The pair {seen.pair.name!r} has no cluster in {', '.join(missing)}.",
            todo="Run `manage.py dsql_cluster create`: it makes what is missing.",
        )
    if seen.unnamed:
        alone = " and ".join(each.region for each in seen.unnamed)
        raise NotPeered(
            f"The cluster in {alone} does not name the other one as its peer. Both stay "
            f"PENDING_SETUP until each names the other, however long one waits.",
            todo="Run `manage.py dsql_cluster create` again: it goes on where it stood.",
        )
