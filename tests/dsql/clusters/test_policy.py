"""`dsql_cluster policy`: what it prints is enough, and nothing in it can be left out."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest

from tests.helpers.clusters.command import Cli
from tests.helpers.clusters.pairs import assert_whole
from tests.helpers.clusters.published_model import Body
from tests.helpers.clusters.standin import ACCOUNT, ControlPlane, Refused

Policy = dict[str, Any]
Wanted = list[tuple[str, str, dict[str, str]]]


def wanted(region: str, operation: str, params: Body) -> Wanted:
    """Return what IAM is asked, from "Required permissions" in the service model."""
    anything = f"arn:aws:dsql:{region}:{ACCOUNT}:cluster/*"
    if operation == "ListClusters":
        return [("dsql:ListClusters", "*", {"aws:RequestedRegion": region})]
    here = anything
    if "identifier" in params:
        here = f"arn:aws:dsql:{region}:{ACCOUNT}:cluster/{params['identifier']}"
    asked: Wanted = [(f"dsql:{operation}", here, {})]
    if "tags" in params:
        asked.append(("dsql:TagResource", here, {}))
    if properties := params.get("multiRegionProperties"):
        witness = properties["witnessRegion"]
        chosen = {"dsql:WitnessRegion": witness}
        there = f"arn:aws:dsql:{witness}:{ACCOUNT}:cluster/*"
        asked.append(("dsql:PutMultiRegionProperties", here, {}))
        asked += [("dsql:PutWitnessRegion", arn, chosen) for arn in (here, there)]
        for peer in properties.get("clusters", []):
            asked += [("dsql:AddPeerCluster", arn, {}) for arn in (here, peer)]
    return asked


def allows(policy: Policy, action: str, resource: str, context: dict[str, str]) -> bool:
    """Tell whether a policy allows this, as IAM would: the parts of it that we use."""
    return any(
        action in each["Action"]
        and any(fnmatchcase(resource, pattern) for pattern in each["Resource"])
        and all(
            context.get(key) in ([value] if isinstance(value, str) else value)
            for key, value in each.get("Condition", {}).get("StringEquals", {}).items()
        )
        for each in policy["Statement"]
    )


def enforce(aws: ControlPlane, policy: Policy) -> None:
    """Let the stand-in ask IAM before it does anything."""

    def gate(region: str, operation: str, params: Body) -> None:
        for action, resource, context in wanted(region, operation, params):
            if not allows(policy, action, resource, context):
                raise Refused(
                    "AccessDeniedException",
                    f"User: x is not authorized to perform: {action} on resource: {resource} "
                    f"because no identity-based policy allows the {action} action",
                )

    aws.gate = gate


def setup_policy(cli: Cli) -> Policy:
    outcome = cli("policy", "--for", "setup", "--witness", "us-west-2")
    assert outcome.code == 0, outcome.err
    policy: Policy = json.loads(outcome.out)
    return policy


def test_the_setup_policy_is_enough_to_make_a_pair(aws: ControlPlane, cli: Cli) -> None:
    enforce(aws, setup_policy(cli))
    outcome = cli("create")
    assert outcome.code == 0, outcome.err
    assert_whole(aws)


@pytest.mark.parametrize(
    "action",
    [
        "ListClusters",
        "CreateCluster",
        "TagResource",
        "PutMultiRegionProperties",
        "PutWitnessRegion",
        "AddPeerCluster",
        "GetCluster",
        "UpdateCluster",
    ],
)
def test_the_setup_policy_holds_nothing_that_can_be_left_out(
    aws: ControlPlane, cli: Cli, action: str
) -> None:
    policy = setup_policy(cli)
    for statement in policy["Statement"]:
        statement["Action"] = [each for each in statement["Action"] if each != f"dsql:{action}"]
    enforce(aws, policy)
    outcome = cli("create", "--json")
    assert outcome.code == 5
    assert outcome.data["error"]["actions"] == [f"dsql:{action}"]


def test_the_setup_policy_names_the_exact_arns_once_there_are_any(
    aws: ControlPlane, cli: Cli
) -> None:
    first, second = aws.put_pair("PENDING_SETUP")
    first.peers = []
    policy = setup_policy(cli)
    assert not allows(policy, "dsql:AddPeerCluster", first.arn[:-1] + "b", {})
    enforce(aws, policy)
    assert cli("create").code == 0
    assert {first.arn, second.arn} == set(
        next(e["Resource"] for e in policy["Statement"] if e["Sid"] == "NameEachOther")
    )


def test_the_setup_policy_allows_the_other_witness_to_nobody(aws: ControlPlane, cli: Cli) -> None:
    enforce(aws, setup_policy(cli))
    outcome = cli("create", "--witness", "eu-west-1", "--json")
    assert outcome.data["error"]["actions"] == ["dsql:PutWitnessRegion"]
    assert aws.alive() == []


def test_the_setup_policy_allows_to_forget_a_dead_peer(aws: ControlPlane, cli: Cli) -> None:
    dead, _ = aws.put_pair("PENDING_SETUP")
    aws.clusters.remove(dead)
    assert allows(setup_policy(cli), "dsql:RemovePeerCluster", dead.arn, {})


def test_the_operators_policy_is_enough_to_delete_the_pair(aws: ControlPlane, cli: Cli) -> None:
    first, second = aws.put_pair(protected=True)
    policy = json.loads(cli("policy", "--for", "operate").out)
    assert not allows(policy, "dsql:CreateCluster", first.arn, {})
    assert not allows(policy, "dsql:DeleteCluster", first.arn[:-1] + "b", {})
    enforce(aws, policy)
    assert cli("status").code == 0
    assert cli("delete", "--confirm", first.id, "--confirm", second.id).code == 0


def test_the_application_may_connect_and_do_nothing_else(aws: ControlPlane, cli: Cli) -> None:
    first, second = aws.put_pair()
    (statement,) = json.loads(cli("policy", "--for", "application").out)["Statement"]
    assert statement["Action"] == ["dsql:DbConnect"]
    assert statement["Resource"] == [first.arn, second.arn]


@pytest.mark.parametrize("audience", ["operate", "application"])
def test_does_not_make_up_arns_of_clusters_that_do_not_exist(
    aws: ControlPlane, cli: Cli, audience: str
) -> None:
    aws.put("us-east-1", "PENDING_SETUP")
    outcome = cli("policy", "--for", audience, "--json")
    assert (outcome.code, outcome.data["error"]["kind"]) == (4, "no-exact-arns")


def test_prints_all_that_can_be_written_now(aws: ControlPlane, cli: Cli) -> None:
    assert list(cli("policy", "--witness", "us-west-2").data) == ["setup"]
    aws.put_pair()
    assert list(cli("policy").data) == ["setup", "operate", "application"]


def test_can_be_asked_by_somebody_who_may_do_nothing_yet(aws: ControlPlane, cli: Cli) -> None:
    enforce(aws, {"Statement": []})
    options = ("--for", "setup", "--witness", "us-west-2")
    assert cli("policy", *options).code == 5
    outcome = cli("policy", *options, "--account", ACCOUNT)
    assert outcome.code == 0
    aws.gate = None
    assert json.loads(outcome.out) == setup_policy(cli)
