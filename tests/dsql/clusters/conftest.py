"""A stand-in for AWS, and the real command against it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.dsql.clusters.standin import ControlPlane
from tests.dsql.clusters.standin_http import running
from worldseat.dsql.clusters import control


@dataclass
class Outcome:
    """What a run of the command left behind."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> dict[str, Any]:
        """Return what it printed with --json."""
        parsed: dict[str, Any] = json.loads(self.out)
        return parsed


@dataclass
class Cli:
    """`manage.py dsql_cluster`, in this process."""

    folder: Path
    connect: Callable[..., control.ControlPlane]

    def __call__(self, action: str, *args: str) -> Outcome:
        """Run an action; errors become an exit code, as in a shell."""
        out, err = io.StringIO(), io.StringIO()
        extra: list[str] = []
        if action in ("plan", "create") and "--witness" not in args:
            extra += ["--witness", "us-west-2"]
        if action in ("create", "wait", "grant", "delete") and "--poll" not in args:
            extra += ["--poll", "0.01"]
        if action == "create":
            extra += ["--env-dir", str(self.folder)]
        if "--regions" not in args:
            extra += ["--regions", "us-east-1,us-east-2"]
        code = 0
        try:
            call_command("dsql_cluster", action, *args, *extra, stdout=out, stderr=err)
        except CommandError as error:
            code = error.returncode
            err.write(str(error))
        except SystemExit as error:
            code = int(error.code or 0)
        return Outcome(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="package")
def plane() -> ControlPlane:
    """One control plane for all tests; `aws` empties it."""
    return ControlPlane()


@pytest.fixture(scope="package")
def endpoint(plane: ControlPlane) -> Iterator[str]:
    """Send every DSQL client of this process, and of its children, to the stand-in."""
    with running(plane) as url, pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
            patch.delenv(name, raising=False)
        for name, value in {
            "AWS_ENDPOINT_URL_DSQL": url,
            "AWS_ENDPOINT_URL_STS": url,
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "not-a-secret",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",  # botocore's own retries wait; ours are what is tested
        }.items():
            patch.setenv(name, value)
        yield url


@pytest.fixture(scope="package")
def kept_clients(endpoint: str) -> Callable[..., control.ControlPlane]:
    """Make each client once: that costs more than a whole run of the command."""
    return cache(control.connect)


@pytest.fixture
def aws(plane: ControlPlane, endpoint: str) -> ControlPlane:
    """Return an AWS without clusters."""
    plane.reset()
    return plane


@pytest.fixture
def cli(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kept_clients: Callable[..., control.ControlPlane],
) -> Cli:
    """Return the command, its settings files in a folder of its own."""
    real = control.connect
    monkeypatch.setattr(control, "connect", kept_clients)
    monkeypatch.setattr("worldseat.dsql.clusters.patience._sleep", lambda seconds: None)
    return Cli(tmp_path / "env", connect=real)
