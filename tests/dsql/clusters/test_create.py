"""`dsql_cluster create`: from nothing to a pair, and from every half of one."""

from __future__ import annotations

import pytest

from tests.helpers.clusters.command import Cli
from tests.helpers.clusters.pairs import CHANGES, assert_whole
from tests.helpers.clusters.standin import ControlPlane


def test_makes_a_pair_in_which_each_names_the_other(aws: ControlPlane, cli: Cli) -> None:
    outcome = cli("create")
    assert outcome.code == 0, outcome.err
    assert_whole(aws)
    assert all(each.protected for each in aws.alive())
    assert aws.asked(*CHANGES) == [
        ("us-east-1", "CreateCluster"),
        ("us-east-2", "CreateCluster"),
        ("us-east-1", "UpdateCluster"),
    ]


def test_changes_nothing_when_run_again(aws: ControlPlane, cli: Cli) -> None:
    cli("create")
    aws.calls.clear()
    outcome = cli("create", "--json")
    assert (outcome.code, outcome.data["changed"]) == (0, [])
    assert aws.asked(*CHANGES) == []


@pytest.mark.parametrize("standing", ["us-east-1", "us-east-2"])
def test_finishes_a_pair_of_which_one_region_is_missing(
    aws: ControlPlane, cli: Cli, standing: str
) -> None:
    aws.put(standing, "PENDING_SETUP")
    assert cli("create").code == 0
    assert_whole(aws)


@pytest.mark.parametrize("mute", [0, 1])
def test_lets_the_one_name_its_peer_that_does_not(aws: ControlPlane, cli: Cli, mute: int) -> None:
    pair = aws.put_pair("PENDING_SETUP")
    pair[mute].peers = []
    assert cli("create").code == 0
    assert_whole(aws)
    assert aws.asked(*CHANGES) == [(pair[mute].region, "UpdateCluster")]


def test_replaces_a_peer_that_was_deleted_before_the_pair_was_set_up(
    aws: ControlPlane, cli: Cli
) -> None:
    dead, left = aws.put_pair("PENDING_SETUP")
    aws.clusters.remove(dead)
    outcome = cli("create")
    assert outcome.code == 0, outcome.err
    assert dead.arn in outcome.err
    assert_whole(aws)
    assert left in aws.alive()


def test_finds_the_pair_on_a_later_page_among_other_clusters(aws: ControlPlane, cli: Cli) -> None:
    aws.page_size = 2
    for _ in range(5):
        aws.put("us-east-1", tags={"worldseat:pair": "another"})
    aws.put("us-east-1", tags={})
    aws.put_pair()
    outcome = cli("create", "--json")
    assert (outcome.code, outcome.data["changed"]) == (0, [])


def test_makes_a_new_pair_after_the_old_one_was_deleted(aws: ControlPlane, cli: Cli) -> None:
    # AWS may answer a token it knows with the cluster that is deleted.
    cli("create", "--unprotected")
    old = {each.id for each in aws.alive()}
    assert cli("delete", "--yes").code == 0
    assert aws.alive() == []
    assert cli("create", "--unprotected").code == 0
    assert_whole(aws)
    assert old.isdisjoint(each.id for each in aws.alive())


def test_leaves_protection_and_waiting_off_when_told(aws: ControlPlane, cli: Cli) -> None:
    outcome = cli("create", "--unprotected", "--no-wait", "--json")
    assert (outcome.code, outcome.data["ready"]) == (0, False)
    assert not any(each.protected for each in aws.alive())


def test_leaves_a_sleeping_pair_asleep(aws: ControlPlane, cli: Cli) -> None:
    aws.put_pair("INACTIVE")
    outcome = cli("create", "--json")
    assert (outcome.code, outcome.data["changed"]) == (0, [])
    assert aws.asked(*CHANGES) == []


def test_leaves_an_unprotected_pair_unprotected_when_told(aws: ControlPlane, cli: Cli) -> None:
    aws.put_pair(protected=False)
    assert cli("create", "--unprotected", "--json").data["changed"] == []
    assert not any(each.protected for each in aws.alive())


def test_knows_the_endpoint_before_aws_tells_it(aws: ControlPlane, cli: Cli) -> None:
    first, _ = aws.put_pair()
    first.endpoint_known = False
    outcome = cli("status", "--json")
    shown = outcome.data["clusters"]["us-east-1"]["endpoint"]
    assert shown == f"{first.id}.dsql.us-east-1.on.aws"


def test_passes_throttling_faults_and_a_lost_answer(aws: ControlPlane, cli: Cli) -> None:
    aws.fail("ListClusters", "ThrottlingException")
    aws.fail("CreateCluster", "InternalServerException")
    aws.fail("GetCluster", "ThrottlingException", times=3)
    aws.hang_up("CreateCluster", after=True)
    aws.hang_up("UpdateCluster", after=True)
    aws.fail("UpdateCluster", "ConflictException", "The cluster is CREATING.")
    outcome = cli("create")
    assert outcome.code == 0, outcome.err
    assert_whole(aws)
