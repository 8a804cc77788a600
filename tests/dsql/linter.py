"""AWS's own linter of SQL for DSQL."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

__all__ = ["lint"]

DSQL_LINT = Path(sys.executable).with_name("dsql-lint")


def lint(written: dict[str, str], directory: Path) -> list[dict[str, Any]]:
    """Return what the linter says, each finding with the migration's name."""
    files = []
    for name, sql in written.items():
        files.append(directory / f"{name}.sql")
        files[-1].write_text(sql)
    done = subprocess.run(
        [DSQL_LINT, "--format", "json", *files], capture_output=True, text=True, timeout=60
    )
    assert done.returncode in (0, 1), done.stderr
    found = json.loads(done.stdout)["files"]
    assert len(found) == len(written)
    assert [each["error"] for each in found] == [None] * len(found)
    return [
        {"name": Path(each["file"]).stem, **finding}
        for each in found
        for finding in each["diagnostics"]
    ]
