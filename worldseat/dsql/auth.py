"""IAM tokens: the password of every DSQL connection."""

from __future__ import annotations

import threading
from typing import Any

__all__ = ["ADMIN", "TOKEN_SECONDS", "forget_credentials", "mint_token"]

ADMIN = "admin"

# A token is only looked at while a connection is made, so it need not outlive a slow
# handshake by much; 15 minutes is what the AWS tools mint.
TOKEN_SECONDS = 900

# Any: the published types of the client lack the two methods that sign tokens.
_clients: dict[tuple[str, str | None], Any] = {}
_lock = threading.Lock()


def mint_token(
    *, host: str, user: str, region: str, profile: str | None = None, seconds: int = TOKEN_SECONDS
) -> str:
    """Sign a new password for `user` at `host`.

    Signing is local (no request is made) and is done under a lock, because the first use
    of a client's credentials is not thread-safe in botocore. `admin` signs the action
    DbConnectAdmin, every other role DbConnect. Raises botocore's NoCredentialsError when
    the environment has no AWS credentials.
    """
    with _lock:
        client = _client(region, profile)
        sign = (
            client.generate_db_connect_admin_auth_token
            if user == ADMIN
            else client.generate_db_connect_auth_token
        )
        return str(sign(Hostname=host, Region=region, ExpiresIn=seconds))


def forget_credentials(*, region: str, profile: str | None = None) -> None:
    """Sign the next token with credentials looked up anew.

    Those of a role refresh by themselves before they expire; this is for a token that the
    server has found expired nevertheless.
    """
    with _lock:
        _clients.pop((region, profile), None)


def _client(region: str, profile: str | None) -> Any:
    """Return the one kept client of a region: making a client costs 600 times a signature."""
    key = (region, profile)
    if key not in _clients:
        _clients[key] = _session(profile).client("dsql", region_name=region)
    return _clients[key]


def _session(profile: str | None) -> Any:
    """Return a session of a profile; `name@file` takes it from that credentials file alone."""
    # boto3 takes a tenth of a second to import; a process without IAM never needs it.
    import boto3
    import botocore.session

    name, _, file = (profile or "").partition("@")
    core = botocore.session.Session(profile=name or None)
    if file:
        core.set_config_variable("credentials_file", file)
    return boto3.session.Session(botocore_session=core)
