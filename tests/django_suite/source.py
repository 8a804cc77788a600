"""The source distribution of the installed Django, which holds its tests."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

import django

__all__ = ["SourceUnusable", "fetch"]

_OPTIONS = ("--quiet", "--no-deps", "--no-binary", ":all:")
_LOCK = Path(__file__).resolve().parents[2] / "uv.lock"


class SourceUnusable(Exception):
    """Django's source distribution could not be fetched, or is not the one in uv.lock."""


def fetch(home: Path) -> Path:
    """Return the directory of Django's tests, fetched from the package index on the first call.

    Several processes may do so at once. Raises SourceUnusable.
    """
    version = django.get_version()
    kept = home / f"django-{version}"
    if not kept.exists():
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home) as made:
            archive = _download(version, Path(made))
            _verify(archive, version)
            unpacked = _unpack(archive)
            with contextlib.suppress(OSError):  # another process was first
                unpacked.rename(kept)
    return kept / "tests"


def _download(version: str, directory: Path) -> Path:
    # An environment that uv made has no pip of its own.
    pip = ["-m", "pip"] if importlib.util.find_spec("pip") else ["-m", "uv", "tool", "run", "pip"]
    done = subprocess.run(
        [
            sys.executable,
            *pip,
            "download",
            *_OPTIONS,
            "--dest",
            str(directory),
            f"django=={version}",
        ],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SourceUnusable(f"Could not fetch Django {version}'s source:\n{done.stderr.strip()}")
    return directory / f"django-{version}.tar.gz"


def _verify(archive: Path, version: str) -> None:
    found = f"sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}"
    wanted = _locked_hash(version)
    if wanted != found:
        raise SourceUnusable(f"{archive.name} is {found}, and uv.lock says {wanted}.")


def _locked_hash(version: str) -> str:
    for package in tomllib.loads(_LOCK.read_text())["package"]:
        if package["name"] == "django" and package["version"] == version:
            return str(package["sdist"]["hash"])
    raise SourceUnusable(f"uv.lock does not name Django {version}, which is installed.")


def _unpack(archive: Path) -> Path:
    unpacked = archive.parent / archive.name.removesuffix(".tar.gz")
    with tarfile.open(archive) as tar:
        members = [each for each in tar if each.name.startswith(f"{unpacked.name}/tests/")]
        tar.extractall(archive.parent, members=members, filter="data")
    return unpacked
