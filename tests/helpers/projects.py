"""Processes of a Django project on DSQL: one of stock apps alone, and ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Projects: one of stock apps alone, and ours.
STOCK = "tests.dsql.stock_settings"
OWN = "worldseat.settings"

Run = Callable[..., dict[str, Any]]

# All statements take minutes: `make stop-at-every-statement`.
EVERY = bool(os.environ.get("WORLDSEAT_EVERY_STATEMENT"))
in_full = pytest.mark.skipif(not EVERY, reason="make stop-at-every-statement runs it")


def environment(url: str, settings: str) -> dict[str, str]:
    """Return the environment of a process of a project."""
    return {**os.environ, "DJANGO_SETTINGS_MODULE": settings, "DATABASE_URL": url}


def report(module: str, *arguments: str, url: str, settings: str) -> dict[str, Any]:
    """Run a module with a project's settings and a database; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=environment(url, settings),
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found
