"""The source distribution of the installed Django, which holds its tests."""

from __future__ import annotations

import contextlib
import hashlib
import tarfile
import tempfile
import tomllib
import urllib.request
from pathlib import Path
from typing import Any

import django

__all__ = ["SourceUnusable", "fetch"]

_TIMEOUT_SECONDS = 60
_LOCK = Path(__file__).resolve().parents[2] / "uv.lock"


class SourceUnusable(Exception):
    """Django's source distribution could not be fetched, or is not the one in uv.lock."""


def fetch(home: Path) -> Path:
    """Return the directory of Django's tests, fetched on the first call from where uv.lock says.

    Several processes may do so at once. Raises SourceUnusable.
    """
    version = django.get_version()
    kept = home / f"django-{version}"
    if not kept.exists():
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home) as made:
            archive = _download(_locked(version), Path(made))
            unpacked = _unpack(archive)
            with contextlib.suppress(OSError):  # another process was first
                unpacked.rename(kept)
    return kept / "tests"


def _download(sdist: dict[str, Any], directory: Path) -> Path:
    # Not `pip download`: it installs what builds a package only to learn the package's name.
    url = str(sdist["url"])
    archive = directory / url.rpartition("/")[2]
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - from uv.lock
            archive.write_bytes(answer.read())
    except OSError as error:
        raise SourceUnusable(f"Could not fetch {url}: {error}") from error
    found = f"sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}"
    if sdist["hash"] != found:
        raise SourceUnusable(f"{archive.name} is {found}, and uv.lock says {sdist['hash']}.")
    return archive


def _locked(version: str) -> dict[str, Any]:
    for package in tomllib.loads(_LOCK.read_text())["package"]:
        if package["name"] == "django" and package["version"] == version:
            sdist: dict[str, Any] = package["sdist"]
            return sdist
    raise SourceUnusable(f"uv.lock does not name Django {version}, which is installed.")


def _unpack(archive: Path) -> Path:
    unpacked = archive.parent / archive.name.removesuffix(".tar.gz")
    with tarfile.open(archive) as tar:
        members = [each for each in tar if each.name.startswith(f"{unpacked.name}/tests/")]
        tar.extractall(archive.parent, members=members, filter="data")
    return unpacked
