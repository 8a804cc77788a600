"""`dsql_cluster grant` through a regional endpoint: TLS, tokens, one DDL statement at a time."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.helpers.clusters.command import Cli, Outcome
from tests.helpers.clusters.standin import ControlPlane
from tests.helpers.databases import own_database
from worldseat.dsql import auth
from worldseat.local import state
from worldseat.local.endpoint import launch
from worldseat.local.endpoint.launch import Endpoint
from worldseat.local.processes import Supervisor

pytestmark = pytest.mark.apart


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """A database of its own on the run's PostgreSQL."""
    with own_database("grant") as url:
        yield url


@pytest.fixture(scope="module")
def region(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """The endpoint of us-east-1, and its credentials in the place of ours."""
    home = tmp_path_factory.mktemp("endpoint")
    with state.claimed(home), Supervisor() as supervisor, pytest.MonkeyPatch.context() as patch:
        endpoints = launch.start(supervisor, home, database, regions=["us-east-1"])
        endpoint = endpoints["us-east-1"]
        for name, value in endpoint.environment.items():
            patch.setenv(name, value)
        patch.setenv("PGSSLROOTCERT", str(endpoint.root))
        patch.setenv("PGPORT", str(endpoint.port))
        yield endpoint


@pytest.fixture
def role(database: str, region: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A name for the role; roles belong to the whole server. Clients keep credentials."""
    monkeypatch.setattr(auth, "_clients", {})
    name = f"app_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS seat (id int PRIMARY KEY)")
        yield name
        connection.execute(f"DROP OWNED BY {name}")
        connection.execute(f"DROP ROLE {name}")


def grant(cli: Cli, aws: ControlPlane, region: Endpoint, role: str) -> Outcome:
    """Grant the endpoint's own IAM identity the role, in a pair whose first cluster it is."""
    if not aws.clusters:
        first, _ = aws.put_pair()
        first.endpoint = region.host
    return cli("grant", "--iam", region.arn, "--role", role, "--hostaddr", "127.0.0.1")


def connect(region: Endpoint, role: str) -> psycopg.Connection[Any]:
    """Connect as the application would."""
    return psycopg.connect(
        host=region.host,
        hostaddr="127.0.0.1",
        port=region.port,
        user=role,
        dbname="postgres",
        password=auth.mint_token(host=region.host, user=role, region=region.region),
        sslmode="verify-full",
        sslrootcert=str(region.root),
        autocommit=True,
    )


def test_makes_a_role_that_may_change_rows_and_no_table(
    aws: ControlPlane, cli: Cli, region: Endpoint, role: str
) -> None:
    assert grant(cli, aws, region, role).code == 0
    with connect(region, role) as connection:
        connection.execute("INSERT INTO seat VALUES (1) ON CONFLICT DO NOTHING")
        assert connection.execute("SELECT id FROM seat").fetchone() == (1,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE mine (id int PRIMARY KEY)")


def test_can_be_run_again(aws: ControlPlane, cli: Cli, region: Endpoint, role: str) -> None:
    assert grant(cli, aws, region, role).code == 0
    outcome = grant(cli, aws, region, role)
    assert outcome.code == 0, outcome.err
    assert outcome.err.count("was so already") == 2


def test_does_not_go_on_with_another_certificate(
    aws: ControlPlane, cli: Cli, region: Endpoint, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert grant(cli, aws, region, role).code == 0
    monkeypatch.delenv("PGSSLROOTCERT")
    outcome = grant(cli, aws, region, role)
    assert outcome.code == 1
    assert "certificate" in outcome.err


def test_says_what_is_missing_when_the_credentials_are_not_good(
    aws: ControlPlane, cli: Cli, region: Endpoint, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert grant(cli, aws, region, role).code == 0
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    monkeypatch.setattr(auth, "_clients", {})
    outcome = grant(cli, aws, region, role)
    assert outcome.code == 1
    assert "dsql:DbConnectAdmin" in outcome.err
