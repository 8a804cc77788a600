"""What a pair of clusters has to be, and which requests change one."""

from __future__ import annotations

from tests.helpers.clusters.standin import ControlPlane

CHANGES = ("CreateCluster", "UpdateCluster", "DeleteCluster")


def assert_whole(aws: ControlPlane) -> None:
    """There are two clusters, ACTIVE, and each names the other."""
    first, second = sorted(aws.alive(), key=lambda each: each.region)
    assert (first.region, second.region) == ("us-east-1", "us-east-2")
    assert (first.peers, second.peers) == ([second.arn], [first.arn])
    assert (first.status, second.status) == ("ACTIVE", "ACTIVE")
    assert (first.witness, second.witness) == ("us-west-2", "us-west-2")
