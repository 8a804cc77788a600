"""IAM tokens: signed here, each connection its own."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.exceptions import NoCredentialsError

from worldseat.dsql import auth
from worldseat.dsql.auth import mint_token

HOST = "abcdefghijklmnopqrstuvwxyz.dsql.us-east-1.on.aws"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS credentials that are known nowhere, and no client made before."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    monkeypatch.setattr(auth, "_clients", {})


def mint(user: str = "admin", *, seconds: int = auth.TOKEN_SECONDS) -> dict[str, str]:
    """Return the query of a new token."""
    token = mint_token(host=HOST, user=user, region="us-east-1", seconds=seconds)
    assert token.startswith(f"{HOST}/?")
    query = parse_qs(urlsplit(f"https://{token}").query, strict_parsing=True)
    return {name: value for name, [value] in query.items()}


@pytest.mark.parametrize(
    ("user", "action"),
    [("admin", "DbConnectAdmin"), ("worldseat", "DbConnect"), ("Admin", "DbConnect")],
)
def test_signs_the_action_of_the_role(user: str, action: str) -> None:
    assert mint(user)["Action"] == action


def test_signs_with_the_credentials_and_the_region() -> None:
    query = mint()
    assert query["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"
    key, _, region, service, end = query["X-Amz-Credential"].split("/")
    assert (key, region, service, end) == (
        "AKIAIOSFODNN7EXAMPLE",
        "us-east-1",
        "dsql",
        "aws4_request",
    )


def test_expires_after_fifteen_minutes() -> None:
    assert mint()["X-Amz-Expires"] == "900"
    assert mint(seconds=60)["X-Amz-Expires"] == "60"


def test_carries_the_session_token_of_a_role(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of-a-role")
    assert mint()["X-Amz-Security-Token"] == "of-a-role"


def test_says_that_there_are_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(NoCredentialsError):
        mint()


def test_keeps_one_client_a_region(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    session = boto3.session.Session

    def count(**options: str) -> boto3.session.Session:
        made.append("session")
        return session()

    monkeypatch.setattr(boto3.session, "Session", count)
    for _ in range(3):
        mint()
    assert len(made) == 1
    mint_token(host=HOST, user="admin", region="us-east-2")
    assert len(made) == 2


def test_serves_many_threads_from_the_first_use() -> None:
    with ThreadPoolExecutor(16) as threads:
        tokens = list(threads.map(lambda _: mint()["Action"], range(64)))
    assert tokens == ["DbConnectAdmin"] * 64
    assert len(auth._clients) == 1


@pytest.mark.apart
def test_signs_with_new_credentials_when_the_old_ones_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As those of a role do; boto3 looks for new ones ten minutes before the end.
    counter = tmp_path / "handed_out"
    program = tmp_path / "credentials"
    program.write_text(
        f"#!{sys.executable}\n"
        "import datetime, json, pathlib\n"
        f"counter = pathlib.Path({str(counter)!r})\n"
        "n = counter.stat().st_size + 1 if counter.exists() else 1\n"
        "counter.write_text('x' * n)\n"
        "left = datetime.timedelta(minutes=5 if n == 1 else 60)\n"
        "end = (datetime.datetime.now(datetime.timezone.utc) + left).isoformat()\n"
        "print(json.dumps({'Version': 1, 'AccessKeyId': f'AKIA{n}', 'SecretAccessKey': 'secret',\n"
        "    'SessionToken': f'of-role-{n}', 'Expiration': end}))\n"
    )
    program.chmod(0o700)
    config = tmp_path / "config"
    config.write_text(f"[default]\ncredential_process = {program}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    keys = [mint()["X-Amz-Credential"].partition("/")[0] for _ in range(3)]
    assert keys[1:] == ["AKIA2", "AKIA2"]
    assert mint()["X-Amz-Security-Token"] == "of-role-2"
    auth.forget_credentials(region="us-east-1")
    assert mint()["X-Amz-Security-Token"] == "of-role-3"
