"""Two regional endpoints before the tests' own database: what commits there, all tests see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from tests.sales.regions import Regions
from worldseat.local import state
from worldseat.local.endpoint import launch
from worldseat.local.processes import Supervisor


@pytest.fixture(scope="session")
def regions_started(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Regions]:
    """Both regions, which end before their database does."""
    home = tmp_path_factory.mktemp("regions")
    settings: dict[str, Any] = connection.settings_dict
    user = f"{settings['USER']}:{settings['PASSWORD']}"
    url = f"postgres://{user}@{settings['HOST']}:{settings['PORT']}/{settings['NAME']}"
    with state.claimed(home), Supervisor() as supervisor:
        yield launch.start(supervisor, home, url)


@pytest.fixture
def two_regions(
    regions_started: Regions, transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Regions]:
    """Both regions, without faults; see `tests.sales.regions`."""
    for endpoint in regions_started.values():
        for name, value in endpoint.environment.items():
            monkeypatch.setenv(name, value)
    # Another test may have signed with other credentials.
    monkeypatch.setattr("worldseat.dsql.auth._clients", {})
    yield regions_started
    for endpoint in regions_started.values():
        endpoint.control.clear()
