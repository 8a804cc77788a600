"""Every request and answer, held by botocore's Stubber against the published model."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from tests.helpers.clusters.published_model import MODEL
from worldseat.dsql.clusters.control import ControlPlane
from worldseat.dsql.clusters.failures import Conflict, RequestRefused, Throttled

ID = "abcdefghijklmnopqrstuvwxy1"
ARN = f"arn:aws:dsql:us-east-1:123456789012:cluster/{ID}"
PEER = "arn:aws:dsql:us-east-2:123456789012:cluster/abcdefghijklmnopqrstuvwxy2"
CREATED = datetime(2026, 11, 23, tzinfo=UTC)
SUMMARY = {"identifier": ID, "arn": ARN, "status": "CREATING", "creationTime": CREATED}
DESCRIBED = {
    **SUMMARY,
    "status": "ACTIVE",
    "deletionProtectionEnabled": True,
    "multiRegionProperties": {"witnessRegion": "us-west-2", "clusters": [ARN, PEER]},
    "tags": {"worldseat:pair": "worldseat"},
    "endpoint": f"{ID}.dsql.us-east-1.on.aws",
}


@pytest.fixture
def stubbed() -> Any:
    """Return a control plane whose client is stubbed, and the stub."""
    client = boto3.client(
        "dsql", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    with Stubber(client) as stubber:
        yield ControlPlane("us-east-1", client), stubber
        stubber.assert_no_pending_responses()


def test_creates_with_a_token_tags_and_a_witness(stubbed: Any) -> None:
    plane, stubber = stubbed
    stubber.add_response(
        "create_cluster",
        {**SUMMARY, "deletionProtectionEnabled": True},
        {
            "clientToken": "token",
            "deletionProtectionEnabled": True,
            "multiRegionProperties": {"witnessRegion": "us-west-2", "clusters": [PEER]},
            "tags": {"worldseat:pair": "worldseat"},
        },
    )
    made = plane.create(
        witness="us-west-2",
        peers=[PEER],
        tags={"worldseat:pair": "worldseat"},
        protected=True,
        client_token="token",
    )
    assert made == ID


def test_does_not_take_a_cluster_for_its_own_peer(stubbed: Any) -> None:
    plane, stubber = stubbed
    stubber.add_response("get_cluster", DESCRIBED, {"identifier": ID})
    cluster = plane.get(ID)
    assert cluster.peers == (PEER,)
    assert (cluster.region, cluster.account) == ("us-east-1", "123456789012")
    assert (cluster.witness, cluster.protected, cluster.created) == ("us-west-2", True, CREATED)


def test_names_peers_lifts_protection_and_deletes(stubbed: Any) -> None:
    plane, stubber = stubbed
    properties = {"witnessRegion": "us-west-2", "clusters": [PEER]}
    stubber.add_response(
        "update_cluster", SUMMARY, {"identifier": ID, "multiRegionProperties": properties}
    )
    stubber.add_response(
        "update_cluster", SUMMARY, {"identifier": ID, "deletionProtectionEnabled": False}
    )
    stubber.add_response("delete_cluster", SUMMARY, {"identifier": ID})
    plane.name_peers(ID, witness="us-west-2", peers=[PEER])
    plane.protect(ID, on=False)
    plane.delete(ID)


def test_walks_all_pages_of_the_list(stubbed: Any) -> None:
    plane, stubber = stubbed
    page = {"clusters": [{"identifier": ID, "arn": ARN}]}
    stubber.add_response("list_clusters", {**page, "nextToken": "next"}, {})
    stubber.add_response("get_cluster", DESCRIBED, {"identifier": ID})
    stubber.add_response("list_clusters", {"clusters": []}, {"nextToken": "next"})
    found, unreadable = plane.find("worldseat")
    assert ([each.id for each in found], unreadable) == ([ID], [])


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("ConflictException", Conflict),
        ("ThrottlingException", Throttled),
        ("ValidationException", RequestRefused),
    ],
)
def test_knows_the_errors_of_the_model(stubbed: Any, code: str, error: type[Exception]) -> None:
    plane, stubber = stubbed
    assert code in MODEL.shape_names
    stubber.add_client_error("delete_cluster", code, "words", 400)
    with pytest.raises(error, match=r"words|too many"):
        plane.delete(ID)


def test_every_status_of_the_model_is_one_we_have_thought_of() -> None:
    status: Any = MODEL.shape_for("ClusterStatus")
    assert set(status.enum) == {
        *("CREATING", "ACTIVE", "IDLE", "INACTIVE", "UPDATING"),
        *("DELETING", "DELETED", "FAILED", "PENDING_SETUP", "PENDING_DELETE"),
    }
