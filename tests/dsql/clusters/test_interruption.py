"""Stopped at any call, before AWS did it or after: run again, it ends the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from functools import cache
from typing import Any

import pytest
from django.conf import settings

from tests.helpers.clusters.command import Cli
from tests.helpers.clusters.pairs import assert_whole
from tests.helpers.clusters.standin import ControlPlane, Fault
from worldseat.dsql.clusters import control


class Killed(BaseException):
    """The process ends here."""


class Guillotine:
    """Ends the command at its n-th call to AWS, before it is sent or after it was answered."""

    def __init__(self) -> None:
        self.left: int | None = None
        self.connect = cache(self._connect)

    def _connect(self, region: str, **options: Any) -> control.ControlPlane:
        plane = real_connect(region, **options)
        events = plane._client.meta.events
        events.register("before-call.dsql", lambda **_: self.fall("before"))
        events.register("after-call.dsql", lambda **_: self.fall("after"))
        return plane

    def fall(self, when: str) -> None:
        if self.left is None or when != self.when:
            return
        if self.left == 0:
            self.left = None
            raise Killed
        self.left -= 1

    def set(self, *, at: int, when: str) -> None:
        self.left, self.when = at, when


real_connect = control.connect


@pytest.fixture
def guillotine(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Guillotine:
    """Stand between the command and AWS."""
    blade = Guillotine()
    monkeypatch.setattr(control, "connect", blade.connect)
    return blade


@pytest.mark.parametrize("when", ["before", "after"])
def test_create_goes_on_wherever_it_was_stopped(
    aws: ControlPlane, cli: Cli, guillotine: Guillotine, when: str
) -> None:
    stopped = 0
    while True:
        aws.reset()
        guillotine.set(at=stopped, when=when)
        try:
            cli("create")
        except Killed:
            stopped += 1
        else:
            break
        outcome = cli("create")
        assert outcome.code == 0, f"after stopping {when} call {stopped}: {outcome.err}"
        assert_whole(aws)
        assert len(aws.tokens) == 2
    assert stopped >= 10  # 2 lists, 2 creations, 1 naming, and looks


@pytest.mark.parametrize("when", ["before", "after"])
def test_delete_goes_on_wherever_it_was_stopped(
    aws: ControlPlane, cli: Cli, guillotine: Guillotine, when: str
) -> None:
    stopped = 0
    while True:
        aws.reset()
        ids = [each.id for each in aws.put_pair(protected=True)]
        confirmed = [word for each in ids for word in ("--confirm", each)]
        guillotine.set(at=stopped, when=when)
        try:
            cli("delete", *confirmed)
        except Killed:
            stopped += 1
        else:
            break
        outcome = cli("delete", *confirmed)
        assert outcome.code == 0, f"after stopping {when} call {stopped}: {outcome.err}"
        assert aws.alive() == []
    assert stopped >= 10


@pytest.mark.parametrize("after", [False, True])
def test_create_makes_no_second_cluster_when_any_answer_is_lost(
    aws: ControlPlane, cli: Cli, *, after: bool
) -> None:
    cli("create")
    for lost in range(len(aws.calls)):
        aws.reset()
        aws.hang_up_at(lost, after=after)
        outcome = cli("create")
        assert outcome.code == 0, f"call {lost}: {outcome.err}"
        assert_whole(aws)
        assert len(aws.tokens) == 2


@pytest.mark.parametrize("operation", ["CreateCluster", "UpdateCluster"])
@pytest.mark.apart
def test_create_survives_kill_9(aws: ControlPlane, cli: Cli, operation: str) -> None:
    command = [
        *(sys.executable, "manage.py", "dsql_cluster", "create", "--witness", "us-west-2"),
        *("--env-dir", str(cli.folder), "--poll", "0.01"),
    ]
    process = subprocess.Popen(
        command, cwd=settings.BASE_DIR, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )

    def kill() -> None:
        os.kill(process.pid, signal.SIGKILL)

    aws.faults.append(Fault(operation, None, 1, kill, after=True))
    assert process.wait(timeout=60) == -signal.SIGKILL
    assert len(aws.alive()) == (1 if operation == "CreateCluster" else 2)
    assert cli("create").code == 0
    assert_whole(aws)


def test_says_what_was_done_when_somebody_presses_control_c(aws: ControlPlane, cli: Cli) -> None:
    cli("create", "--no-wait")
    made = aws.alive()[0]
    aws.reset()
    outcome = cli_interrupted(cli, at="UpdateCluster")
    assert outcome.code == 130
    assert f"created {made.arn}" in outcome.err
    assert "Run the same command again" in outcome.err


def cli_interrupted(cli: Cli, *, at: str) -> Any:
    """Press control-C while an operation is under way."""
    real = control.ControlPlane._call

    def interrupted(self: Any, operation: str, *args: Any, **params: Any) -> Any:
        if operation == at:
            raise KeyboardInterrupt
        return real(self, operation, *args, **params)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(control.ControlPlane, "_call", interrupted)
        return cli("create")
