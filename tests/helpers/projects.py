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


class Project:
    """A process of tests.dsql.project."""

    def __init__(self, settings: str, environ: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.dsql.project"],
            env={**os.environ, **environ, "DJANGO_SETTINGS_MODULE": settings},
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, module: str, *arguments: str, url: str) -> dict[str, Any]:
        """Return what a module answers about a database."""
        assert self._process.stdin
        assert self._process.stdout
        asked = {"module": module, "arguments": arguments, "url": url}
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        said = json.loads(self._process.stdout.readline())
        assert "answer" in said, said["error"][-4000:]
        answer: dict[str, Any] = said["answer"]
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.communicate()
