"""What is made once for a state directory: clusters, credentials, certificates, a secret."""

import contextlib
import fcntl
import json
import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from worldseat.local.endpoint import tls
from worldseat.local.state import write_private

ACCOUNT = "000000000000"
PROFILE = "worldseat-local"

# An id is 26 of these: `[a-z0-9]{26}` (Aurora DSQL API reference, Cluster.identifier).
_ALPHABET = string.ascii_lowercase + string.digits


@dataclass(frozen=True)
class Identity:
    """What the endpoints of one state directory share; `directory` holds the certificates."""

    directory: Path
    clusters: dict[str, str]
    access_key: str
    secret_key: str
    control_secret: str

    @property
    def root(self) -> Path:
        """Return the file of the certificate root that clients check against (sslrootcert)."""
        return self.directory / tls.ROOT

    @property
    def credentials(self) -> Path:
        """Return the AWS credentials file of these endpoints; its one profile is PROFILE.

        A file of their own, so that the user's credentials for the real AWS stay what they are.
        """
        return self.directory / "credentials"

    @property
    def arn(self) -> str:
        """Return the IAM identity whose credentials these are."""
        return f"arn:aws:iam::{ACCOUNT}:role/local"

    def host(self, region: str) -> str:
        """Return the name of a region's endpoint."""
        return f"{self.clusters[region]}.dsql.{region}.on.aws"

    def database_url(self, region: str, port: int, *, user: str = "admin") -> str:
        """Return a region's endpoint in DATABASE_URL's form."""
        options = {
            "region": region,
            "hostaddr": "127.0.0.1",
            "sslrootcert": str(self.root),
            "profile": f"{PROFILE}@{self.credentials}",
        }
        return f"dsql://{user}@{self.host(region)}:{port}/postgres?{urlencode(options)}"

    def environment(self) -> dict[str, str]:
        """Return the variables that let any AWS client sign for these endpoints."""
        return {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key}


def load(home: Path, regions: Sequence[str]) -> Identity:
    """Return the identity kept under `home`, making what is missing.

    Processes may call this at the same time.
    """
    directory = (home / "endpoint").absolute()
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = _completed(directory / "identity.json", regions)
        tls.make_authority(directory)
        identity = Identity(directory=directory, **kept)
        write_private(identity.credentials, _credentials(identity))
        for region in regions:
            tls.make_certificate(directory, identity.host(region))
    return identity


def _completed(file: Path, regions: Sequence[str]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    with contextlib.suppress(FileNotFoundError):
        kept = json.loads(file.read_text())
    kept.setdefault("access_key", "AKIALOCAL" + _random(string.ascii_uppercase, 11))
    kept.setdefault("secret_key", secrets.token_urlsafe(30))
    kept.setdefault("control_secret", secrets.token_urlsafe(30))
    clusters = kept.setdefault("clusters", {})
    for region in regions:
        clusters.setdefault(region, _random(_ALPHABET, 26))
    write_private(file, json.dumps(kept))
    return kept


def _credentials(identity: Identity) -> str:
    pairs = (f"{name.lower()} = {value}" for name, value in identity.environment().items())
    return "\n".join([f"[{PROFILE}]", *pairs, ""])


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))
