"""What `create` refuses, and that it changes nothing then."""

from __future__ import annotations

import pytest

from tests.helpers.clusters.command import Cli
from tests.helpers.clusters.pairs import CHANGES
from tests.helpers.clusters.standin import ControlPlane


def assert_refused(aws: ControlPlane, cli: Cli, *, code: int, kind: str, says: str) -> None:
    """The command fails with this code and words, and AWS is asked to change nothing."""
    for action in ("plan", "create"):
        outcome = cli(action, "--json")
        assert (outcome.code, outcome.data["error"]["kind"]) == (code, kind)
        assert outcome.data["error"]["changed"] == []
        assert says in outcome.err
        assert "Nothing was changed." in outcome.err
    assert aws.asked(*CHANGES) == []


def test_a_failed_cluster_is_not_taken_for_a_slow_one(aws: ControlPlane, cli: Cli) -> None:
    aws.put("us-east-1", "FAILED")
    assert_refused(aws, cli, code=6, kind="cluster-failed", says="`manage.py dsql_cluster delete`")


@pytest.mark.parametrize("status", ["DELETING", "PENDING_DELETE"])
def test_a_cluster_that_is_being_deleted(aws: ControlPlane, cli: Cli, status: str) -> None:
    aws.look_steps = False
    aws.put("us-east-2", status)
    assert_refused(aws, cli, code=4, kind="cluster-leaving", says="wait --for deleted")


def test_a_cluster_with_another_witness(aws: ControlPlane, cli: Cli) -> None:
    aws.put("us-east-1", "PENDING_SETUP", witness="eu-west-1")
    assert_refused(aws, cli, code=4, kind="other-witness", says="--witness eu-west-1")


def test_a_single_region_cluster(aws: ControlPlane, cli: Cli) -> None:
    aws.put("us-east-1", witness=None)
    assert_refused(aws, cli, code=4, kind="other-witness", says="single-region")


def test_a_cluster_that_names_a_stranger(aws: ControlPlane, cli: Cli) -> None:
    stranger = aws.put("us-east-2", tags={})
    aws.put("us-east-1", peers=[stranger.arn])
    assert_refused(aws, cli, code=4, kind="foreign-peer", says=stranger.arn)


def test_a_set_up_cluster_whose_peer_was_deleted(aws: ControlPlane, cli: Cli) -> None:
    first, second = aws.put_pair()
    aws.clusters.remove(second)
    assert_refused(aws, cli, code=4, kind="peer-deleted", says=second.arn)
    assert first.peers == [second.arn]


def test_two_clusters_of_one_region_with_the_pairs_tag(aws: ControlPlane, cli: Cli) -> None:
    ids = [aws.put("us-east-1").id for _ in range(2)]
    assert_refused(aws, cli, code=4, kind="ambiguous", says=", ".join(ids))


def test_a_cluster_that_may_not_be_looked_at(aws: ControlPlane, cli: Cli) -> None:
    # It may be the pair's: creating another could make a second one.
    hidden = aws.put("us-east-1")
    aws.fail("GetCluster", "AccessDeniedException", times=2)
    assert_refused(aws, cli, code=5, kind="unreadable-clusters", says=hidden.id)


def test_the_same_token_used_for_something_else(aws: ControlPlane, cli: Cli) -> None:
    cli("create", "--no-wait")
    aws.clusters.clear()
    for cluster_tokens in aws.tokens.values():
        cluster_tokens[0]["multiRegionProperties"] = {"witnessRegion": "eu-west-1"}
    outcome = cli("create", "--json")
    assert (outcome.code, outcome.data["error"]["kind"]) == (4, "conflict")
    assert aws.alive() == []
