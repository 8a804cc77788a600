"""Pairs that no request could make right: refused before AWS is asked anything."""

from __future__ import annotations

import pytest

from tests.helpers.clusters.command import Cli
from tests.helpers.clusters.standin import ControlPlane

REGIONS = "us-east-1,us-east-2"


@pytest.mark.parametrize(
    ("regions", "witness", "says"),
    [
        (REGIONS, "us-east-2", "one of the two regions"),
        ("us-east-1,us-east-1", "us-west-2", "Both regions are us-east-1"),
        ("us-east-1", "us-west-2", "two regions, not 1"),
        ("us-east-1,us-east-2,us-west-2", "eu-west-1", "two regions, not 3"),
        ("us-east-1,us-east2", "us-west-2", "Did you mean us-east-2?"),
        ("us-east-1,", "us-west-2", "There is no AWS region ''"),
        ("us-east-1,us-west-1", "us-west-2", "not known to be offered in us-west-1"),
        (REGIONS, "af-south-1", "not known to be offered in af-south-1"),
        (REGIONS, "mars-north-1", "There is no AWS region 'mars-north-1'"),
    ],
)
def test_refuses_regions(
    aws: ControlPlane, cli: Cli, regions: str, witness: str, says: str
) -> None:
    outcome = cli("create", "--regions", regions, "--witness", witness, "--json")
    assert (outcome.code, outcome.data["error"]["kind"]) == (2, "bad-pair")
    assert says in outcome.err
    assert aws.calls == []


def test_takes_a_region_that_is_newer_than_our_list(aws: ControlPlane, cli: Cli) -> None:
    regions = ("--regions", "us-east-1,us-west-1", "--accept-region", "us-west-1")
    assert cli("create", *regions).code == 0
    assert {each.region for each in aws.alive()} == {"us-east-1", "us-west-1"}


@pytest.mark.parametrize("name", ["", "Upper", "1st", "a b", "x" * 41, "a;drop"])
def test_refuses_a_name_that_cannot_be_a_tag(aws: ControlPlane, cli: Cli, name: str) -> None:
    assert cli("create", "--name", name, "--json").data["error"]["kind"] == "bad-pair"
    assert aws.calls == []


def test_keeps_two_pairs_of_one_account_apart(aws: ControlPlane, cli: Cli) -> None:
    assert cli("create", "--name", "spring").code == 0
    assert cli("create", "--name", "autumn").code == 0
    assert len(aws.alive()) == 4
    assert cli("status", "--name", "winter", "--json").code == 3


@pytest.mark.parametrize("value", ["0", "-1", "inf", "nan", "soon"])
def test_refuses_a_time_that_is_none(aws: ControlPlane, cli: Cli, value: str) -> None:
    assert cli("wait", f"--timeout={value}").code != 0
    assert aws.calls == []
