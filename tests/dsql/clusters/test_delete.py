"""`dsql_cluster delete`: nothing goes without somebody having typed its id."""

from __future__ import annotations

import sys

import pytest

from tests.helpers.clusters.command import Cli
from tests.helpers.clusters.pairs import CHANGES
from tests.helpers.clusters.standin import ControlPlane


def test_refuses_a_protected_pair_that_was_not_confirmed(aws: ControlPlane, cli: Cli) -> None:
    pair = aws.put_pair(protected=True)
    outcome = cli("delete", "--yes", "--json")
    error = outcome.data["error"]
    assert (outcome.code, error["kind"]) == (4, "not-confirmed")
    assert error["ids"] == [each.id for each in pair]
    assert f"--confirm {pair[0].id} --confirm {pair[1].id}" in error["todo"]
    assert aws.asked(*CHANGES) == []


@pytest.mark.parametrize("wrong", ["yes", "", "a" * 26])
def test_refuses_anything_but_the_id(aws: ControlPlane, cli: Cli, wrong: str) -> None:
    first, _ = aws.put_pair(protected=True)
    assert cli("delete", "--confirm", first.id, "--confirm", wrong).code == 4
    assert aws.asked(*CHANGES) == []


def test_deletes_what_was_confirmed(aws: ControlPlane, cli: Cli) -> None:
    first, second = aws.put_pair(protected=True)
    outcome = cli("delete", "--confirm", first.id, "--confirm", second.id)
    assert outcome.code == 0, outcome.err
    assert aws.alive() == []


def test_lifts_both_protections_before_it_deletes_the_first(aws: ControlPlane, cli: Cli) -> None:
    first, second = aws.put_pair(protected=True)
    aws.fail_in("us-east-2", "UpdateCluster", "AccessDeniedException")
    outcome = cli("delete", "--confirm", first.id, "--confirm", second.id, "--json")
    assert outcome.code == 5
    assert aws.asked("DeleteCluster") == []
    assert outcome.data["error"]["changed"] == [
        f"{first.arn} is NOT protected from deletion any more"
    ]


def test_asks_for_the_id_at_a_terminal(
    aws: ControlPlane, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = aws.put_pair(protected=True)
    answers = iter([first.id, f" {second.id}"])
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: next(answers))
    assert cli("delete").code == 0
    assert aws.alive() == []


def test_asks_before_it_deletes_an_unprotected_pair(
    aws: ControlPlane, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.put_pair(protected=False)
    assert cli("delete").code == 4  # nobody there to ask
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: "no")
    assert cli("delete").code == 4
    assert aws.asked(*CHANGES) == []
    monkeypatch.setattr("builtins.input", lambda _: "yes")
    assert cli("delete").code == 0


def test_confirms_an_unprotected_cluster_beside_a_protected_one(
    aws: ControlPlane, cli: Cli
) -> None:
    first, _ = aws.put_pair(protected=False)
    first.protected = True
    assert cli("delete", "--confirm", first.id).code == 4
    assert aws.asked(*CHANGES) == []
    assert cli("delete", "--confirm", first.id, "--yes").code == 0


def test_finishes_a_deletion_that_stopped_half_way(aws: ControlPlane, cli: Cli) -> None:
    first, _ = aws.put_pair(protected=False)
    first.status = "PENDING_DELETE"
    assert cli("delete", "--yes").code == 0
    assert aws.asked("DeleteCluster") == [("us-east-2", "DeleteCluster")]
    assert aws.alive() == []


def test_deletes_a_failed_cluster(aws: ControlPlane, cli: Cli) -> None:
    aws.put("us-east-1", "FAILED", protected=False)
    assert cli("delete", "--yes").code == 0
    assert aws.alive() == []


def test_says_when_somebody_protected_it_meanwhile(aws: ControlPlane, cli: Cli) -> None:
    aws.put_pair(protected=False)
    aws.fail("DeleteCluster", "ValidationException", reason="deletionProtectionEnabled")
    outcome = cli("delete", "--yes", "--json")
    assert (outcome.code, outcome.data["error"]["kind"]) == (2, "request-refused")
    assert "protected it meanwhile" in outcome.err


def test_has_nothing_to_do_where_there_is_nothing(aws: ControlPlane, cli: Cli) -> None:
    outcome = cli("delete", "--json")
    assert (outcome.code, outcome.data["changed"]) == (0, [])


def test_leaves_the_waiting_to_a_later_run(aws: ControlPlane, cli: Cli) -> None:
    aws.put_pair(protected=False)
    assert cli("delete", "--yes", "--no-wait").code == 0
    assert {each.status for each in aws.alive()} <= {"PENDING_DELETE", "DELETING"}
    assert cli("delete", "--yes").code == 0
    assert aws.alive() == []


def test_create_protects_again_what_a_deletion_that_was_given_up_had_lifted(
    aws: ControlPlane, cli: Cli
) -> None:
    first, second = aws.put_pair()
    aws.fail_in("us-east-2", "UpdateCluster", "AccessDeniedException")
    assert cli("delete", "--confirm", first.id, "--confirm", second.id).code == 5
    assert not first.protected
    assert "1. protect the cluster in us-east-1 from deletion" in cli("plan").out
    assert cli("create").code == 0
    assert first.protected
    assert cli("plan", "--json").data["steps"] == ["nothing: the pair 'worldseat' is whole"]
