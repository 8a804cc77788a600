"""`dsql_cluster create` and `plan`: from nothing to a pair, and from half a pair."""

from __future__ import annotations

from tests.dsql.clusters.conftest import Cli
from tests.dsql.clusters.standin import ControlPlane


def test_makes_a_pair_in_which_each_names_the_other(aws: ControlPlane, cli: Cli) -> None:
    outcome = cli("create")
    assert outcome.code == 0, outcome.err
    first, second = aws.alive()
    assert (first.region, second.region) == ("us-east-1", "us-east-2")
    assert (first.peers, second.peers) == ([second.arn], [first.arn])
    assert {first.status, second.status} == {"ACTIVE"}
    assert {first.witness, second.witness} == {"us-west-2"}
    assert first.protected
    assert second.protected
