"""Deleting a pair. A database is gone afterwards, so nothing here is done in passing."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from worldseat.dsql.clusters.control import Cluster, ControlPlane
from worldseat.dsql.clusters.failures import ClusterError, ClusterNotFound, RequestRefused
from worldseat.dsql.clusters.observation import Connect, Event, Sighting, Tell
from worldseat.dsql.clusters.patience import Patience
from worldseat.dsql.clusters.waiting import wait_until_gone

__all__ = ["NotConfirmed", "delete_pair", "needs_confirmation"]


class NotConfirmed(ClusterError):
    """A deletion-protected cluster was not confirmed by its id. ids: those that were not."""

    exit_code = 4

    def __init__(self, what: str, *, todo: str, ids: tuple[str, ...]) -> None:
        super().__init__(what, todo=todo)
        self.ids = ids


def needs_confirmation(seen: Sighting) -> list[Cluster]:
    """Return the clusters whose id has to be typed before they may be deleted."""
    return [each for each in seen if each.protected and not each.is_leaving]


def delete_pair(
    seen: Sighting,
    *,
    confirmed: Collection[str],
    connect: Connect,
    patience: Patience,
    tell: Tell,
    wait: bool = True,
) -> None:
    """Delete the clusters that were seen, and their data.

    confirmed: the ids that were typed. Raises NotConfirmed before anything is changed. All
    protection is lifted before the first deletion, so that a refusal there leaves both
    clusters; run again after an interruption, it goes on where it stood. Deleting one
    cluster of a peered pair leaves it PENDING_DELETE until the other is deleted too.
    """
    missing = [each for each in needs_confirmation(seen) if each.id not in confirmed]
    if missing:
        raise NotConfirmed(
            f"Deletion-protected, and not confirmed: "
            f"{', '.join(f'{each.id} in {each.region}' for each in missing)}.",
            todo=(
                "To delete them with all their data, run it again with "
                + " ".join(f"--confirm {each.id}" for each in missing)
                + "."
            ),
            ids=tuple(each.id for each in missing),
        )
    for cluster in needs_confirmation(seen):
        _unprotect(cluster, connect(cluster.region), patience=patience, tell=tell)
    for cluster in seen:
        if not cluster.is_leaving:
            _delete(cluster, connect(cluster.region), patience=patience, tell=tell)
    if wait:
        wait_until_gone(seen, connect=connect, patience=patience, tell=tell)
        tell(Event("both clusters are gone"))


def _unprotect(cluster: Cluster, plane: ControlPlane, *, patience: Patience, tell: Tell) -> None:
    tell(Event(f"lifting the deletion protection of {cluster.id} in {cluster.region}"))
    patience.call(partial(plane.protect, cluster.id, on=False))
    tell(Event(f"{cluster.arn} is NOT protected from deletion any more", changed=True))
    patience.until(lambda: plane.get(cluster.id), lambda now: not now.protected)


def _delete(cluster: Cluster, plane: ControlPlane, *, patience: Patience, tell: Tell) -> None:
    tell(Event(f"deleting {cluster.id} in {cluster.region}"))
    try:
        patience.call(partial(plane.delete, cluster.id))
    except ClusterNotFound:
        tell(Event(f"{cluster.arn} was gone already"))
        return
    except RequestRefused as error:
        if error.reason == "deletionProtectionEnabled":
            error.todo = "Somebody protected it meanwhile: ask them, then run `delete` again."
        raise
    tell(Event(f"{cluster.arn} is being deleted", changed=True))
