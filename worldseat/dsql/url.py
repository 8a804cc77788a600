"""Database URLs: `dsql://` for a cluster, `postgres://` for what stands in for one."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

__all__ = ["BadDatabaseURL", "database_from_url"]

ENGINE = "worldseat.dsql"
_POSTGRESQL = ("postgres", "postgresql")


class BadDatabaseURL(ValueError):
    """The database URL cannot be used."""


def database_from_url(url: str) -> dict[str, Any]:
    """Turn a URL into an entry of Django's DATABASES.

    `dsql://admin@<host>/postgres?region=us-east-1` connects with IAM tokens;
    `postgres://user:password@host:port/name` with a password. What follows the `?` goes to
    OPTIONS as it is (region, profile, hostaddr, sslrootcert, ...). For DSQL the region may be
    left out when the host is named `<id>.dsql.<region>.on.aws`.
    Raises BadDatabaseURL; its message never repeats a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        # Python's own message repeats the text, of which a password may be a part.
        raise BadDatabaseURL(
            "not a URL: look at the port, and write / : @ # ? in a password as %2F %3A %40 %23 %3F"
        ) from None
    iam = parts.scheme == "dsql"
    if not iam and parts.scheme not in _POSTGRESQL:
        raise BadDatabaseURL(
            f"scheme {parts.scheme!r}: use dsql:// for a cluster or postgres:// for a PostgreSQL"
        )
    host = parts.hostname or ""
    if not host:
        raise BadDatabaseURL("the host is missing")
    if parts.fragment:
        raise BadDatabaseURL("what follows a # is lost: write it as %23")
    name = unquote(parts.path.removeprefix("/")) or "postgres"
    options: dict[str, Any] = {**dict(parse_qsl(parts.query)), "iam": iam}
    if iam:
        if parts.password:
            raise BadDatabaseURL("a dsql:// URL takes no password: a token is signed instead")
        if name != "postgres":
            raise BadDatabaseURL("a cluster has one database: end the URL's path with /postgres")
        options["region"] = options.get("region") or _region_of(host)
    return {
        "ENGINE": ENGINE,
        "NAME": name,
        "USER": unquote(parts.username or ("admin" if iam else "")),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(port or 5432),
        "OPTIONS": options,
    }


def _region_of(host: str) -> str:
    """Read the region from an endpoint's name, `<id>.dsql.<region>.on.aws`."""
    labels = host.split(".")
    if len(labels) == 5 and labels[1] == "dsql":
        return labels[2]
    raise BadDatabaseURL(f"add ?region=...: the host {host!r} does not name one")
