"""`dsql_cluster plan`: what would be done, and nothing is."""

from __future__ import annotations

from tests.helpers.clusters.command import Cli
from tests.helpers.clusters.pairs import CHANGES
from tests.helpers.clusters.standin import ControlPlane


def test_shows_every_step_from_nothing_and_does_none(aws: ControlPlane, cli: Cli) -> None:
    outcome = cli("plan", "--json")
    assert outcome.code == 0
    assert outcome.data["steps"] == [
        "create a cluster in us-east-1",
        "create a cluster in us-east-2, naming the cluster in us-east-1 as its peer",
        "let the cluster in us-east-1 name the one in us-east-2 as its peer",
        "wait until both are ACTIVE (they are PENDING_SETUP until each names the other)",
    ]
    assert aws.asked(*CHANGES) == []
    assert not cli.folder.exists()


def test_shows_what_is_left_of_a_half_pair(aws: ControlPlane, cli: Cli) -> None:
    first, _ = aws.put_pair("PENDING_SETUP")
    first.peers = []
    outcome = cli("plan")
    assert "1. let the cluster in us-east-1 name the one in us-east-2" in outcome.out
    assert "create a cluster" not in outcome.out
    assert first.id in outcome.out


def test_shows_that_nothing_is_left(aws: ControlPlane, cli: Cli) -> None:
    aws.put_pair()
    outcome = cli("plan", "--json")
    assert outcome.data["steps"] == ["nothing: the pair 'worldseat' is whole"]
