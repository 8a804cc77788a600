"""What `sqlmigrate` writes passes AWS's own linter, without an exception."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.projects import OWN, STOCK, report
from worldseat.local.endpoint.launch import Endpoint

DSQL_LINT = Path(sys.executable).with_name("dsql-lint")

pytestmark = pytest.mark.timeout(600)  # it starts processes, one after the other, on two cores


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
        {"migration": Path(each["file"]).stem, **finding}
        for each in found
        for finding in each["diagnostics"]
    ]


@pytest.mark.parametrize(("project", "least"), [(STOCK, 50), (OWN, 25)])
def test_passes_the_linter(endpoint: Endpoint, project: str, least: int, tmp_path: Path) -> None:
    url = endpoint.database_url
    written = report("tests.dsql.written_migrations", url=url, settings=project)
    assert len(written) > least
    assert lint(written, tmp_path) == []


def test_would_find_what_postgresql_gets(backend_url: str, tmp_path: Path) -> None:
    written = report("tests.dsql.written_migrations", url=backend_url, settings=STOCK)
    found = {each["migration"] for each in lint(written, tmp_path)}
    assert {"auth.0001_initial", "auth.0012_alter_user_first_name_max_length"} <= found
