"""`dsql_cluster wait` and `status`: slow is not failed, and some waits would never end."""

from __future__ import annotations

import pytest

from tests.helpers.clusters.command import Cli
from tests.helpers.clusters.standin import ControlPlane


def test_waits_through_setup_until_both_are_active(aws: ControlPlane, cli: Cli) -> None:
    aws.put_pair("PENDING_SETUP")
    outcome = cli("wait", "--json")
    assert (outcome.code, outcome.data["ready"]) == (0, True)
    assert "waiting until both are ACTIVE: us-east-1" in outcome.err
    assert len(aws.asked("GetCluster")) > 2


def test_takes_an_idle_cluster_for_ready(aws: ControlPlane, cli: Cli) -> None:
    aws.put_pair("IDLE")
    assert cli("wait").code == 0


@pytest.mark.parametrize("mute", [0, 1])
def test_does_not_wait_for_clusters_that_do_not_name_each_other(
    aws: ControlPlane, cli: Cli, mute: int
) -> None:
    pair = aws.put_pair("PENDING_SETUP")
    pair[mute].peers = []
    outcome = cli("wait", "--json")
    assert (outcome.code, outcome.data["error"]["kind"]) == (4, "not-peered")
    assert f"The cluster in {pair[mute].region} does not name" in outcome.err
    assert "until each names the other" in outcome.err
    assert len(aws.asked("GetCluster")) == 2


def test_does_not_wait_for_a_cluster_that_is_not_there(aws: ControlPlane, cli: Cli) -> None:
    aws.put("us-east-1", "PENDING_SETUP")
    outcome = cli("wait", "--json")
    assert (outcome.code, outcome.data["error"]["kind"]) == (4, "pair-incomplete")
    assert "us-east-2" in outcome.err


def test_tells_a_failure_while_it_waits(aws: ControlPlane, cli: Cli) -> None:
    _, second = aws.put_pair("CREATING")
    second.to_come = ["CREATING", "CREATING", "FAILED"]
    outcome = cli("wait", "--json")
    assert (outcome.code, outcome.data["error"]["kind"]) == (6, "cluster-failed")
    assert second.id in outcome.err


def test_tells_slowness_by_another_code(aws: ControlPlane, cli: Cli) -> None:
    aws.put_pair("CREATING")
    outcome = cli("wait", "--timeout", "0.2", "--json")
    assert (outcome.code, outcome.data["error"]["kind"]) == (3, "unsettled")
    assert "nothing has failed (us-east-1 CREATING, us-east-2 CREATING)" in outcome.err


def test_does_not_wait_for_a_sleeping_cluster(aws: ControlPlane, cli: Cli) -> None:
    aws.put_pair("INACTIVE")
    outcome = cli("wait", "--json")
    assert (outcome.code, outcome.data["error"]["kind"]) == (4, "cluster-inactive")


def test_tells_that_a_cluster_was_deleted_meanwhile(aws: ControlPlane, cli: Cli) -> None:
    first, _ = aws.put_pair("CREATING")
    first.to_come = ["CREATING", "CREATING", "DELETED"]
    outcome = cli("wait", "--json")
    assert (outcome.code, outcome.data["error"]["kind"]) == (4, "peer-deleted")
    assert "us-east-1" in outcome.err


def test_waits_until_both_are_gone(aws: ControlPlane, cli: Cli) -> None:
    aws.put_pair("PENDING_DELETE")
    assert cli("wait", "--for", "deleted").code == 0
    assert aws.alive() == []


def test_does_not_wait_for_the_end_of_a_cluster_that_stays(aws: ControlPlane, cli: Cli) -> None:
    aws.put_pair()
    outcome = cli("wait", "--for", "deleted", "--json")
    assert (outcome.code, outcome.data["error"]["kind"]) == (4, "not-leaving")


def test_keeps_waiting_through_throttling(aws: ControlPlane, cli: Cli) -> None:
    aws.put_pair("PENDING_SETUP")
    aws.fail("GetCluster", "ThrottlingException", times=5)
    outcome = cli("wait")
    assert outcome.code == 0
    assert "too many requests. Trying again." in outcome.err


def test_status_tells_by_its_code_whether_the_pair_is_ready(aws: ControlPlane, cli: Cli) -> None:
    assert cli("status").code == 3
    first, _ = aws.put_pair()
    outcome = cli("status")
    assert outcome.code == 0
    assert first.id in outcome.out
    first.peers = []
    outcome = cli("status")
    assert outcome.code == 3
    assert "until each names the other" in outcome.out


def test_status_shows_a_peer_that_was_deleted(aws: ControlPlane, cli: Cli) -> None:
    first, second = aws.put_pair()
    aws.clusters.remove(second)
    outcome = cli("status", "--json")
    assert outcome.code == 3
    assert outcome.data["peers_deleted"] == [second.arn]
    assert outcome.data["clusters"]["us-east-2"] is None
    assert outcome.data["clusters"]["us-east-1"]["id"] == first.id
