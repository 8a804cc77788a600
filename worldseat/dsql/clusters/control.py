"""The control plane of one region: what is asked of AWS, and what a cluster is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from worldseat.dsql.clusters.failures import AccessDenied, ClusterNotFound, translate
from worldseat.dsql.clusters.pair import PAIR_TAG

if TYPE_CHECKING:
    from mypy_boto3_dsql import AuroraDSQLClient

__all__ = ["Cluster", "ControlPlane", "account", "connect", "region_of"]

LEAVING = frozenset({"DELETING", "PENDING_DELETE"})
# An idle cluster answers as an active one does; it only went to sleep a little.
READY = frozenset({"ACTIVE", "IDLE"})


def region_of(arn: str) -> str:
    """Read the region from `arn:aws:dsql:<region>:<account>:cluster/<id>`."""
    return arn.split(":")[3]


@dataclass(frozen=True)
class Cluster:
    """One cluster as AWS describes it. peers: ARNs, without its own, which AWS lists too."""

    id: str
    arn: str
    status: str
    endpoint: str
    created: datetime
    protected: bool
    witness: str | None
    peers: tuple[str, ...]
    tags: Mapping[str, str]

    @property
    def region(self) -> str:
        """Return the region the cluster is in."""
        return region_of(self.arn)

    @property
    def account(self) -> str:
        """Return the twelve digits of the account that owns it."""
        return self.arn.split(":")[4]

    @property
    def is_leaving(self) -> bool:
        """Tell whether it is on its way out."""
        return self.status in LEAVING

    @property
    def is_ready(self) -> bool:
        """Tell whether it takes connections."""
        return self.status in READY


def _cluster(answer: Mapping[str, Any]) -> Cluster:
    properties = answer.get("multiRegionProperties") or {}
    arn = answer["arn"]
    default_endpoint = f"{answer['identifier']}.dsql.{region_of(arn)}.on.aws"
    return Cluster(
        id=answer["identifier"],
        arn=arn,
        status=answer["status"],
        endpoint=answer.get("endpoint") or default_endpoint,
        created=answer["creationTime"],
        protected=answer.get("deletionProtectionEnabled", False),
        witness=properties.get("witnessRegion") or None,
        peers=tuple(each for each in properties.get("clusters", ()) if each != arn),
        tags=answer.get("tags") or {},
    )


class ControlPlane:
    """The DSQL API in one region. Every method raises the ClusterErrors of `translate`."""

    def __init__(self, region: str, client: AuroraDSQLClient) -> None:
        self.region = region
        self._client = client

    def find(self, pair_name: str) -> tuple[list[Cluster], list[str]]:
        """Return the clusters that carry the pair's tag, and the ids that may not be read.

        AWS lists ids only; the tags come with each cluster's description.
        """
        found, unreadable = [], []
        for identifier in self._identifiers():
            try:
                cluster = self.get(identifier)
            except ClusterNotFound:
                continue  # deleted since it was listed
            except AccessDenied:
                unreadable.append(identifier)
                continue
            if cluster.tags.get(PAIR_TAG) == pair_name and cluster.status != "DELETED":
                found.append(cluster)
        return found, unreadable

    def _identifiers(self) -> Iterator[str]:
        token: str | None = None
        while True:
            page: Mapping[str, Any] = self._call(
                "ListClusters",
                self._client.list_clusters,
                **({"nextToken": token} if token else {}),
            )
            yield from (each["identifier"] for each in page["clusters"])
            token = page.get("nextToken")
            if not token:
                return

    def get(self, identifier: str) -> Cluster:
        """Describe a cluster. Raises ClusterNotFound."""
        return _cluster(self._call("GetCluster", self._client.get_cluster, identifier=identifier))

    def create(
        self,
        *,
        witness: str,
        peers: list[str],
        tags: Mapping[str, str],
        protected: bool,
        client_token: str,
    ) -> str:
        """Create a cluster, or learn of the one that this token made before; return its id."""
        properties: dict[str, Any] = {"witnessRegion": witness}
        if peers:
            properties["clusters"] = peers
        answer = self._call(
            "CreateCluster",
            self._client.create_cluster,
            multiRegionProperties=properties,
            tags=dict(tags),
            deletionProtectionEnabled=protected,
            clientToken=client_token,
        )
        return str(answer["identifier"])

    def name_peers(self, identifier: str, *, witness: str, peers: list[str]) -> None:
        """Set the peers of a cluster; those it named before and are not listed are removed."""
        self._call(
            "UpdateCluster",
            self._client.update_cluster,
            identifier=identifier,
            multiRegionProperties={"witnessRegion": witness, "clusters": peers},
        )

    def protect(self, identifier: str, *, on: bool) -> None:
        """Switch deletion protection on or off."""
        self._call(
            "UpdateCluster",
            self._client.update_cluster,
            identifier=identifier,
            deletionProtectionEnabled=on,
        )

    def delete(self, identifier: str) -> None:
        """Ask for a cluster's deletion. Raises RequestRefused when it is protected."""
        self._call("DeleteCluster", self._client.delete_cluster, identifier=identifier)

    def _call(self, operation: str, method: Callable[..., Any], **params: Any) -> Any:
        try:
            return method(**params)
        except (BotoCoreError, ClientError) as error:
            raise translate(error, operation=operation, region=self.region) from error


def connect(region: str, *, profile: str | None = None) -> ControlPlane:
    """Make the client of a region; no request is sent yet. Raises NoCredentials."""
    # boto3 takes a tenth of a second to import: `--help` and bad options need not wait for it.
    import boto3
    from botocore.config import Config

    try:
        session = boto3.session.Session(profile_name=profile)
        client = session.client(
            "dsql",
            region_name=region,
            config=Config(retries={"mode": "standard"}, connect_timeout=10, read_timeout=60),
        )
    except BotoCoreError as error:
        raise translate(error, operation="A client", region=region) from error
    return ControlPlane(region, client)


def account(profile: str | None = None) -> str:
    """Ask AWS which account the credentials belong to: twelve digits. Needs no permission."""
    import boto3

    try:
        session = boto3.session.Session(profile_name=profile)
        sts = session.client("sts", region_name=session.region_name or "us-east-1")
        return str(sts.get_caller_identity()["Account"])
    except (BotoCoreError, ClientError) as error:
        raise translate(error, operation="GetCallerIdentity", region="sts") from error
