"""A stand-in for AWS, and the real command against it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.helpers.clusters.command import Cli
from tests.helpers.clusters.standin import ControlPlane
from tests.helpers.clusters.standin_http import running
from worldseat.dsql.clusters import control


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
