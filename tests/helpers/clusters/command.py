"""`manage.py dsql_cluster`, run in this process."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management import CommandError, call_command

from worldseat.dsql.clusters import control


@dataclass
class Outcome:
    """What a run of the command left behind."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> dict[str, Any]:
        """Return what it printed with --json."""
        parsed: dict[str, Any] = json.loads(self.out)
        return parsed


@dataclass
class Cli:
    """`manage.py dsql_cluster`, in this process."""

    folder: Path
    connect: Callable[..., control.ControlPlane]

    def __call__(self, action: str, *args: str) -> Outcome:
        """Run an action; errors become an exit code, as in a shell."""
        out, err = io.StringIO(), io.StringIO()
        extra: list[str] = []
        if action in ("plan", "create") and "--witness" not in args:
            extra += ["--witness", "us-west-2"]
        if action in ("create", "wait", "grant", "delete") and "--poll" not in args:
            extra += ["--poll", "0.01"]
        if action == "create":
            extra += ["--env-dir", str(self.folder)]
        if "--regions" not in args:
            extra += ["--regions", "us-east-1,us-east-2"]
        code = 0
        try:
            call_command("dsql_cluster", action, *args, *extra, stdout=out, stderr=err)
        except CommandError as error:
            code = error.returncode
            err.write(str(error))
        except SystemExit as error:
            code = int(error.code or 0)
        return Outcome(code, out.getvalue(), err.getvalue())
