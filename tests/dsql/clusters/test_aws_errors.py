"""What AWS refuses: what happened, what was changed, what to do, and an exit code."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest
from botocore import exceptions as aws_errors

from tests.helpers.clusters.command import Cli
from tests.helpers.clusters.pairs import assert_whole
from tests.helpers.clusters.standin import ACCOUNT, ControlPlane
from worldseat.dsql.clusters import control
from worldseat.dsql.clusters.failures import (
    BadCredentials,
    ClusterError,
    NoCredentials,
    RequestRefused,
    Unreachable,
    translate,
)

DENIED = (
    f"User: arn:aws:iam::{ACCOUNT}:user/alice is not authorized to perform: dsql:AddPeerCluster "
    f"on resource: arn:aws:dsql:us-east-1:{ACCOUNT}:cluster/x because no identity-based policy "
    f"allows the dsql:AddPeerCluster action"
)
QUOTA: dict[str, Any] = {
    "resourceId": "cluster",
    "resourceType": "cluster",
    "serviceCode": "dsql",
    "quotaCode": "L-1234",
}


@pytest.fixture
def real_clients(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make clients anew, since credentials are looked for when one is made."""
    monkeypatch.setattr(control, "connect", cli.connect)


def test_names_the_iam_action_that_is_missing(aws: ControlPlane, cli: Cli) -> None:
    aws.fail_in("us-east-2", "CreateCluster", "AccessDeniedException", DENIED)
    outcome = cli("create", "--json")
    error = outcome.data["error"]
    assert (outcome.code, error["kind"]) == (5, "access-denied")
    assert error["actions"] == ["dsql:AddPeerCluster"]
    assert f"arn:aws:dsql:us-east-1:{ACCOUNT}:cluster/x" in error["todo"]
    assert error["changed"] == [f"created {aws.alive()[0].arn}"]
    assert cli("create").code == 0
    assert_whole(aws)


def test_names_all_actions_that_it_may_be_when_aws_does_not_say(
    aws: ControlPlane, cli: Cli
) -> None:
    aws.fail("CreateCluster", "AccessDeniedException", "Access denied")
    outcome = cli("create", "--json")
    assert "dsql:PutWitnessRegion" in outcome.data["error"]["actions"]
    assert "dsql:CreateCluster" in outcome.data["error"]["actions"]


def test_does_not_advise_to_allow_what_is_denied_explicitly(aws: ControlPlane, cli: Cli) -> None:
    message = DENIED.replace("no identity", "of an explicit deny in a policy; no identity")
    aws.fail("ListClusters", "AccessDeniedException", message)
    outcome = cli("create", "--json")
    assert "whoever owns that policy" in outcome.data["error"]["todo"]


@pytest.mark.parametrize(
    ("code", "kind", "exit_code", "says"),
    [
        ("ExpiredTokenException", "bad-credentials", 5, "have expired"),
        ("UnrecognizedClientException", "bad-credentials", 5, "this machine's clock"),
        ("InvalidSignatureException", "bad-credentials", 5, "this machine's clock"),
        ("ThrottlingException", "throttled", 3, "too many requests"),
        ("InternalServerException", "service-trouble", 3, "fault of its own"),
        ("SomethingNewException", "cluster-error", 1, "SomethingNewException"),
    ],
)
def test_tells_what_the_first_look_came_back_with(
    aws: ControlPlane, cli: Cli, code: str, kind: str, exit_code: int, says: str
) -> None:
    aws.fail("ListClusters", code, "words of AWS", times=99)
    for action in ("plan", "create", "status", "wait", "delete"):
        outcome = cli(action, "--json")
        assert (outcome.code, outcome.data["error"]["kind"]) == (exit_code, kind)
        assert says in outcome.err
        assert "Nothing was changed." in outcome.err


def test_tells_which_quota_is_used_up(aws: ControlPlane, cli: Cli) -> None:
    aws.fail("CreateCluster", "ServiceQuotaExceededException", "20 clusters", **QUOTA)
    outcome = cli("create", "--json")
    assert (outcome.code, outcome.data["error"]["kind"]) == (5, "quota-exceeded")
    assert "--quota-code L-1234" in outcome.err


def test_tells_which_field_aws_finds_wrong(aws: ControlPlane, cli: Cli) -> None:
    fields = [{"name": "witnessRegion", "message": "not in the same set of regions"}]
    aws.fail("CreateCluster", "ValidationException", "bad", reason="other", fieldList=fields)
    outcome = cli("create", "--json")
    assert (outcome.code, outcome.data["error"]["kind"]) == (2, "request-refused")
    assert "witnessRegion: not in the same set of regions" in outcome.err


def test_gives_up_on_a_conflict_that_does_not_pass(
    aws: ControlPlane, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without the waits it would ask as often as it can until the time is over.
    monkeypatch.setattr("worldseat.dsql.clusters.patience._sleep", time.sleep)
    aws.fail("UpdateCluster", "ConflictException", "in the middle of it", times=9999)
    outcome = cli("create", "--timeout", "2", "--poll", "0.2", "--json")
    assert (outcome.code, outcome.data["error"]["kind"]) == (4, "conflict")
    assert len(outcome.data["error"]["changed"]) == 2


@pytest.mark.usefixtures("real_clients")
def test_says_that_there_are_no_credentials(
    aws: ControlPlane, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    outcome = cli("create", "--json")
    assert (outcome.code, outcome.data["error"]["kind"]) == (5, "no-credentials")
    assert "AWS_PROFILE" in outcome.err
    assert aws.calls == []


@pytest.mark.usefixtures("real_clients")
def test_says_that_there_is_no_such_profile(aws: ControlPlane, cli: Cli) -> None:
    outcome = cli("status", "--profile", "nobody", "--json")
    assert (outcome.code, outcome.data["error"]["kind"]) == (5, "no-credentials")
    assert "nobody" in outcome.err
    assert aws.calls == []


@pytest.mark.usefixtures("real_clients")
def test_says_that_no_dsql_answers_in_the_region(
    aws: ControlPlane, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL_DSQL", nobody)
        outcome = cli("create", "--json")
    assert (outcome.code, outcome.data["error"]["kind"]) == (3, "unreachable")
    assert "that DSQL is offered in us-east-1" in outcome.err


def test_does_as_aws_says_about_when_to_come_back(
    aws: ControlPlane, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("worldseat.dsql.clusters.patience._sleep", slept.append)
    aws.fail("CreateCluster", "ThrottlingException", retryAfterSeconds=7)
    assert cli("create").code == 0
    assert slept[0] == 7


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (aws_errors.ConnectTimeoutError(endpoint_url="x"), Unreachable),
        (aws_errors.SSLError(endpoint_url="x", error=OSError("bad certificate")), Unreachable),
        (aws_errors.ProxyConnectionError(proxy_url="x"), Unreachable),
        (aws_errors.ReadTimeoutError(endpoint_url="x"), Unreachable),
        (aws_errors.SSOTokenLoadError(error_msg="log in"), BadCredentials),
        (aws_errors.UnauthorizedSSOTokenError(), BadCredentials),
        (aws_errors.CredentialRetrievalError(provider="x", error_msg="no"), BadCredentials),
        (aws_errors.PartialCredentialsError(provider="x", cred_var="key"), NoCredentials),
        (aws_errors.ConfigParseError(path="x"), NoCredentials),
        (aws_errors.ParamValidationError(report="identifier"), RequestRefused),
    ],
)
def test_sorts_what_never_reached_aws(error: Exception, kind: type[ClusterError]) -> None:
    said = translate(error, operation="GetCluster", region="us-east-1")
    assert type(said) is kind
    assert "GetCluster in us-east-1" in said.what
    assert str(error) in said.what


def test_does_not_say_that_nothing_happened_when_the_answer_was_lost() -> None:
    lost = aws_errors.ReadTimeoutError(endpoint_url="x")
    said = translate(lost, operation="CreateCluster", region="us-east-1")
    assert "may have taken effect" in said.what
