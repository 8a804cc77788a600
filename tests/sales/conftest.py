"""Both regions, before the tests' own database: what commits there, all tests see."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

import pytest
from django.db import connection

from tests.helpers.databases import url_of
from tests.helpers.regions import Regions, in_regions
from tests.helpers.servers import REGIONS
from worldseat.local import state
from worldseat.local.endpoint import launch
from worldseat.local.endpoint.launch import Endpoint
from worldseat.local.processes import Supervisor


@pytest.fixture(scope="session")
def endpoints(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Endpoint]]:
    """The endpoints, which end before their database does."""
    if os.environ.get(REGIONS):
        pytest.skip("the tests' database is behind endpoints already, as a schema of theirs")
    home = tmp_path_factory.mktemp("regions")
    with state.claimed(home), Supervisor() as supervisor:
        yield launch.start(supervisor, home, url_of(connection.settings_dict["NAME"]))


@pytest.fixture
def regions(endpoints: Mapping[str, Endpoint], transactional_db: None) -> Iterator[Regions]:
    """Threads that live in the regions, without faults."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in endpoints["us-east-1"].environment.items():
            patch.setenv(name, value)
        # Another test may have signed with other credentials.
        patch.setattr("worldseat.dsql.auth._clients", {})
        with in_regions(list(endpoints.values())) as living:
            yield living
            living.clear_faults()
