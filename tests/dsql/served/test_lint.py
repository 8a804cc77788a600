"""What `sqlmigrate` writes passes AWS's own linter, without an exception."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.dsql.linter import lint
from tests.helpers.projects import OWN, STOCK, Project
from worldseat.local.endpoint.launch import Endpoint

pytestmark = pytest.mark.timeout(600)  # it starts processes, one after the other, on two cores


# Of ours, what `migrate` sends is looked at by test_own_migrations.py.
@pytest.mark.parametrize(
    ("of", "least"), [(STOCK, 50), pytest.param(OWN, 25, marks=pytest.mark.full)]
)
def test_passes_the_linter(
    endpoint: Endpoint,
    project: Callable[[str], Project],
    of: str,
    least: int,
    tmp_path: Path,
) -> None:
    written = project(of).ask("tests.dsql.written_migrations", url=endpoint.database_url)
    assert len(written) > least
    assert lint(written, tmp_path) == []


def test_would_find_what_postgresql_gets(
    backend_url: str, project: Callable[[str], Project], tmp_path: Path
) -> None:
    written = project(STOCK).ask("tests.dsql.written_migrations", url=backend_url)
    found = {each["name"] for each in lint(written, tmp_path)}
    assert {"auth.0001_initial", "auth.0012_alter_user_first_name_max_length"} <= found
