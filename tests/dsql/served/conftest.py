"""The backend behind the rules of DSQL: one region's endpoint before a database of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.apps.registry import Apps
from django.db import connections, models
from django.db.migrations.state import AppConfigStub

from tests.helpers.databases import empty_schema, own_database
from tests.helpers.projects import STOCK, Project, Run
from tests.helpers.theatre import ALIAS, Make
from worldseat.dsql.base import DatabaseWrapper
from worldseat.dsql.url import database_from_url
from worldseat.local import state
from worldseat.local.endpoint import launch
from worldseat.local.endpoint.launch import Endpoint
from worldseat.local.processes import Supervisor

REGION = "us-east-1"


@pytest.fixture(scope="session")
def backend_url() -> Iterator[str]:
    """A database on the run's PostgreSQL, to stand behind the endpoint."""
    with own_database("served") as url:
        yield url


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory, backend_url: str) -> Iterator[Endpoint]:
    """The endpoint of one region."""
    home = tmp_path_factory.mktemp("served")
    with state.claimed(home), Supervisor() as supervisor:
        endpoint = launch.start(supervisor, home, backend_url, regions=[REGION])[REGION]
        yield endpoint


@pytest.fixture(scope="session")
def signers() -> dict[tuple[str, str | None], Any]:
    """What signs with the endpoint's credentials: making one costs 600 times a signature."""
    return {}


@pytest.fixture
def endpoint(
    started: Endpoint,
    backend_url: str,
    signers: dict[tuple[str, str | None], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Endpoint]:
    """The endpoint without faults, before an empty schema."""
    empty_schema(backend_url)
    for name, value in started.environment.items():
        monkeypatch.setenv(name, value)
    # Another test may have signed with other credentials.
    monkeypatch.setattr("worldseat.dsql.auth._clients", signers)
    started.control.clear()
    yield started
    started.control.clear()


@pytest.fixture
def served(endpoint: Endpoint, django_db_blocker: Any) -> Iterator[DatabaseWrapper]:
    """A connection to the endpoint, under an alias of its own."""
    settings = {**connections["default"].settings_dict, **database_from_url(endpoint.database_url)}
    wrapper = DatabaseWrapper(settings, alias=ALIAS)
    connections[ALIAS] = wrapper
    with django_db_blocker.unblock():
        yield wrapper
        wrapper.close()
    del connections[ALIAS]


@pytest.fixture
def second(endpoint: Endpoint, served: DatabaseWrapper) -> Iterator[DatabaseWrapper]:
    """Another session of the endpoint."""
    wrapper = DatabaseWrapper(served.settings_dict.copy(), alias="second")
    yield wrapper
    wrapper.close()


@pytest.fixture
def behind(backend_url: str, endpoint: Endpoint) -> Iterator[psycopg.Connection[Any]]:
    """A session with the PostgreSQL behind the endpoint, which knows no rules."""
    with psycopg.connect(backend_url, autocommit=True) as session:
        yield session


@pytest.fixture
def make(served: DatabaseWrapper) -> Make:
    """Make models of an app that exists nowhere, and their tables: `make("Seat", row=...)`.

    One that refers to another is made `beside` it, or they would not know each other.
    """

    def build(
        name: str,
        /,
        *,
        table: bool = True,
        beside: type[models.Model] | None = None,
        **attributes: Any,
    ) -> type[models.Model]:
        apps = beside._meta.apps if beside else Apps([AppConfigStub("theatre")])
        meta = {"app_label": "theatre", "apps": apps, **attributes.pop("meta", {})}
        attributes = {"__module__": __name__, **attributes, "Meta": type("Meta", (), meta)}
        model: type[models.Model] = type(name, (models.Model,), attributes)
        if table:
            with served.schema_editor() as editor:
                editor.create_model(model)
        return model

    return build


@pytest.fixture(scope="session")
def project(started: Endpoint) -> Iterator[Callable[[str], Project]]:
    """Projects by their settings, started when first asked for."""
    environ = {**started.environment, "DATABASE_URL": started.database_url}
    begun: dict[str, Project] = {}

    def of(settings: str) -> Project:
        if settings not in begun:
            begun[settings] = Project(settings, environ)
        return begun[settings]

    yield of
    for each in begun.values():
        each.close()


@pytest.fixture
def migrate(endpoint: Endpoint, project: Callable[[str], Project]) -> Run:
    """Run interrupted migrations of the stock project: `migrate("--undisturbed", "auth")`."""

    def run(
        *arguments: str, url: str = endpoint.database_url, settings: str = STOCK
    ) -> dict[str, Any]:
        return project(settings).ask("tests.helpers.interrupted_migrations", *arguments, url=url)

    return run
