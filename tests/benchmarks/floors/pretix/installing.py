"""One version of pretix in an environment of its own, made at the first need and kept."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["VERSION", "Unavailable", "installed"]

VERSION = "2026.8.0"
# Its dependencies are named by ranges: those released by this day are what every run gets.
AS_OF = "2026-11-20T00:00:00Z"
_PACKAGES = (f"pretix=={VERSION}", "gunicorn==27.0.1")
_SECONDS = 900
# What would turn uv to another environment, or Python to our modules.
_NOT_ITS = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME", "UV_PROJECT_ENVIRONMENT")


class Unavailable(Exception):
    """pretix cannot be had here."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"pretix {VERSION} could not be installed: {reason}")


def installed(home: Path) -> Path:
    """Return the Python of the environment under `home`, made if need be; raises Unavailable."""
    environment, stamp = home / "env", home / "env" / "installed.txt"
    python = environment / "bin" / "python"
    wanted = "\n".join([*_PACKAGES, AS_OF, sys.version])
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    print(f"pretix: installing {VERSION}, once, for some minutes ...", file=sys.stderr)
    shutil.rmtree(environment, ignore_errors=True)
    home.mkdir(parents=True, exist_ok=True)
    _uv("venv", "--python", sys.executable, str(environment))
    words = ["--python", str(python), "--exclude-newer", AS_OF, "--compile-bytecode"]
    _uv("pip", "install", *words, *_PACKAGES)
    stamp.write_text(wanted)
    return python


def _uv(*words: str) -> None:
    kept = {name: value for name, value in os.environ.items() if name not in _NOT_ITS}
    try:
        subprocess.run(
            [sys.executable, "-m", "uv", "--quiet", *words],
            env={**kept, "UV_PYTHON_DOWNLOADS": "never"},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"not done after {_SECONDS} s") from error
    except subprocess.CalledProcessError as error:
        raise Unavailable(" ".join(error.stderr.split())[-500:]) from error
