"""A stand-in for DSQL's control plane, with the state machine of peering.

moto's `dsql` peers nothing and never says PENDING_SETUP. Requests and answers are held
against botocore's published model, patterns included, so that neither side can drift from it.
A cluster moves on by one state each time somebody looks at it: no clock is involved.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.helpers.clusters.published_model import MODEL, Body, hold_against

ACCOUNT = "123456789012"


class Refused(Exception):
    """An answer that is one of the model's exceptions."""

    def __init__(self, code: str, message: str, **members: Any) -> None:
        super().__init__(code)
        self.code = code
        self.body = {"message": message, **members}


@dataclass
class Cluster:
    """One cluster; `to_come` are the states that the next looks at it will find."""

    region: str
    number: int
    protected: bool
    witness: str | None
    peers: list[str]
    tags: dict[str, str]
    status: str = "CREATING"
    to_come: list[str] = field(default_factory=list)
    endpoint: str | None = None
    endpoint_known: bool = True

    @property
    def id(self) -> str:
        return f"{self.number:026d}".replace("0", "a", 1)

    @property
    def arn(self) -> str:
        return f"arn:aws:dsql:{self.region}:{ACCOUNT}:cluster/{self.id}"

    def describe(self) -> Body:
        body: Body = {
            "identifier": self.id,
            "arn": self.arn,
            "status": self.status,
            "creationTime": datetime(2026, 11, 23, tzinfo=UTC).timestamp(),
            "deletionProtectionEnabled": self.protected,
            "tags": self.tags,
            "metricGroups": [],
        }
        if self.endpoint_known:
            body["endpoint"] = self.endpoint or f"{self.id}.dsql.{self.region}.on.aws"
        if self.witness:
            # AWS lists the cluster itself among its peers.
            body["multiRegionProperties"] = {
                "witnessRegion": self.witness,
                "clusters": [self.arn, *self.peers],
            }
        return body


@dataclass
class Fault:
    """What happens instead of, or after, the next `times` requests of an operation."""

    operation: str
    region: str | None
    times: int
    act: Callable[[], None]
    after: bool = False


class Hangup(Exception):
    """The connection is closed without an answer."""


class ControlPlane:
    """Every region's DSQL, in one process. `calls` is what was asked, in order."""

    def __init__(self) -> None:
        self.clusters: list[Cluster] = []
        self.calls: list[tuple[str, str]] = []
        self.faults: list[Fault] = []
        self.page_size = 100
        self.look_steps = True
        self.gate: Callable[[str, str, Body], None] | None = None
        self.tokens: dict[tuple[str, str], tuple[Body, Body]] = {}
        self._lock = threading.RLock()

    # --- what tests do to it

    def fail(
        self, operation: str, code: str, message: str = "no", *, times: int = 1, **members: Any
    ) -> None:
        """Answer the next requests of an operation with an exception of the model."""
        self.fail_in(None, operation, code, message, times=times, **members)

    def fail_in(
        self,
        region: str | None,
        operation: str,
        code: str,
        message: str = "no",
        *,
        times: int = 1,
        **members: Any,
    ) -> None:
        """Answer so in one region only."""

        def act() -> None:
            raise Refused(code, message, **members)

        self.faults.append(Fault(operation, region, times, act))

    def hang_up(self, operation: str, *, after: bool) -> None:
        """Close the next connection without an answer: before the work, or after it."""

        def act() -> None:
            raise Hangup

        self.faults.append(Fault(operation, None, 1, act, after=after))

    def hang_up_at(self, number: int, *, after: bool) -> None:
        """Close the connection at the n-th request from now, counted from 0."""
        left = iter(range(number, -1, -1))

        def act() -> None:
            if next(left, None) == 0:
                raise Hangup

        self.faults.append(Fault("*", None, number + 1, act, after=after))

    def reset(self) -> None:
        """Become an AWS without clusters, and without a past."""
        for past in (self.clusters, self.calls, self.faults, self.tokens):
            past.clear()
        self.page_size, self.look_steps, self.gate = 100, True, None

    def alive(self, region: str | None = None) -> list[Cluster]:
        """Return the clusters that are not deleted."""
        return [each for each in self.clusters if region in (None, each.region)]

    def put(self, region: str, status: str = "ACTIVE", **more: Any) -> Cluster:
        """Add a cluster that this pair's command might have made, in any state."""
        cluster = Cluster(
            region=region,
            number=900 + len(self.clusters),
            protected=more.pop("protected", True),
            witness=more.pop("witness", "us-west-2"),
            peers=more.pop("peers", []),
            tags=more.pop("tags", {"worldseat:pair": "worldseat"}),
            status=status,
        )
        self.clusters.append(cluster)
        return cluster

    def put_pair(self, status: str = "ACTIVE", **more: Any) -> tuple[Cluster, Cluster]:
        """Add two clusters that name each other."""
        first = self.put("us-east-1", status, **more)
        second = self.put("us-east-2", status, **more, peers=[first.arn])
        first.peers = [second.arn]
        return first, second

    def asked(self, *operations: str) -> list[tuple[str, str]]:
        """Return the calls of these operations, in order: (region, operation)."""
        return [call for call in self.calls if call[1] in operations]

    # --- the API

    def answer(self, region: str, operation: str, params: Body) -> Body:
        """Do one request. Raises Refused, Hangup."""
        with self._lock:
            self.calls.append((region, operation))
            hold_against(MODEL.operation_model(operation).input_shape, params)
            if self.gate is not None:
                self.gate(region, operation, params)
            self._maybe_fail(region, operation, after=False)
            body: Body = getattr(self, f"_{operation}")(region, params)
            hold_against(MODEL.operation_model(operation).output_shape, body)
            self._maybe_fail(region, operation, after=True)
            return body

    def _maybe_fail(self, region: str, operation: str, *, after: bool) -> None:
        for fault in list(self.faults):
            fits = fault.operation in (operation, "*") and fault.region in (None, region)
            if fits and fault.after is after and fault.times:
                fault.times -= 1
                fault.act()

    def _CreateCluster(self, region: str, params: Body) -> Body:
        token = (region, params["clientToken"])
        if token in self.tokens:
            before, answered = self.tokens[token]
            if before != params:
                raise Refused("ConflictException", "The client token was used differently before.")
            return answered
        properties = params.get("multiRegionProperties", {})
        self._check_properties(region, properties)
        cluster = Cluster(
            region=region,
            number=len(self.tokens) + 1,
            protected=params.get("deletionProtectionEnabled", True),
            witness=properties.get("witnessRegion"),
            peers=list(properties.get("clusters", [])),
            tags=params.get("tags", {}),
            to_come=["PENDING_SETUP" if properties else "ACTIVE"],
        )
        self.clusters.append(cluster)
        body = cluster.describe()
        body.pop("tags")
        self.tokens[token] = (params, body)
        return body

    def _check_properties(self, region: str, properties: Body) -> None:
        if properties.get("witnessRegion") == region:
            raise _invalid("The witness may not be the cluster's own region.")
        for arn in properties.get("clusters", []):
            peer = next((each for each in self.clusters if each.arn == arn), None)
            if peer is None or peer.region == region:
                raise _invalid(f"{arn} cannot be a peer.")
            if peer.witness != properties.get("witnessRegion"):
                raise _invalid("The peers have different witnesses.")

    def _UpdateCluster(self, region: str, params: Body) -> Body:
        cluster = self._get(region, params["identifier"])
        if cluster.status in ("DELETING", "PENDING_DELETE", "UPDATING"):
            raise Refused("ConflictException", f"The cluster is {cluster.status}.")
        if "multiRegionProperties" in params:
            self._check_properties(region, params["multiRegionProperties"])
            cluster.peers = list(params["multiRegionProperties"]["clusters"])
        if "deletionProtectionEnabled" in params:
            cluster.protected = params["deletionProtectionEnabled"]
            cluster.to_come = [cluster.status, *cluster.to_come]
            cluster.status = "UPDATING"
        return _summary(cluster)

    def _GetCluster(self, region: str, params: Body) -> Body:
        cluster = self._get(region, params["identifier"])
        self._move_on(cluster)
        if cluster.status == "DELETED":
            self.clusters.remove(cluster)
            raise _not_found(cluster.id)
        return cluster.describe()

    def _move_on(self, cluster: Cluster) -> None:
        if not self.look_steps:
            return
        partners = [each for each in self.clusters if each.arn in cluster.peers]
        each_names_the_other = bool(partners) and all(cluster.arn in p.peers for p in partners)
        if cluster.to_come:
            cluster.status = cluster.to_come.pop(0)
        elif cluster.status == "PENDING_SETUP" and each_names_the_other:
            cluster.status = "CREATING"
            cluster.to_come = ["ACTIVE"]
        elif cluster.status == "PENDING_DELETE" and all(
            p.status in ("PENDING_DELETE", "DELETING", "DELETED") for p in partners
        ):
            cluster.status = "DELETING"
            cluster.to_come = ["DELETED"]

    def _DeleteCluster(self, region: str, params: Body) -> Body:
        cluster = self._get(region, params["identifier"])
        if cluster.protected:
            raise _invalid("Deletion protection is enabled.", reason="deletionProtectionEnabled")
        if cluster.status == "UPDATING":
            raise Refused("ConflictException", "The cluster is UPDATING.")
        if not cluster.status.endswith(("DELETING", "PENDING_DELETE")):
            peered = any(
                cluster.arn in each.peers for each in self.clusters if each.arn in cluster.peers
            )
            cluster.status = "PENDING_DELETE" if peered else "DELETING"
            cluster.to_come = [] if peered else ["DELETED"]
        return _summary(cluster)

    def _ListClusters(self, region: str, params: Body) -> Body:
        here = self.alive(region)
        start = int(params.get("nextToken", "0"))
        page = here[start : start + self.page_size]
        body: Body = {"clusters": [{"identifier": each.id, "arn": each.arn} for each in page]}
        if start + self.page_size < len(here):
            body["nextToken"] = str(start + self.page_size)
        return body

    def _get(self, region: str, identifier: str) -> Cluster:
        for cluster in self.clusters:
            if (cluster.region, cluster.id) == (region, identifier):
                return cluster
        raise _not_found(identifier)


def _summary(cluster: Cluster) -> Body:
    described = cluster.describe()
    return {key: described[key] for key in ("identifier", "arn", "status", "creationTime")}


def _invalid(message: str, reason: str = "fieldValidationFailed") -> Refused:
    return Refused("ValidationException", message, reason=reason)


def _not_found(identifier: str) -> Refused:
    return Refused(
        "ResourceNotFoundException",
        f"Cluster {identifier} does not exist.",
        resourceId=identifier,
        resourceType="cluster",
    )
