"""The shared cast, as fixtures. A test that commits marks itself django_db(transaction=True)."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import hypothesis
import pytest
import redis
from django.db import connections
from django.test import Client, TransactionTestCase
from django.utils import timezone
from knox.models import get_token_model
from pytest_django import DjangoDbBlocker, Settings
from rest_framework.test import APIClient

from accounts.models import Organisation, Role, User
from accounts.scopes import everywhere
from sales.models import Event, Seat
from tests.helpers.cast import make_event, make_member, make_organisation, make_user
from tests.helpers.crew import Crew, broker_url, is_database_quiet, point_celery_at
from tests.helpers.databases import empty
from tests.helpers.template import template_database
from tests.helpers.tenant_rows import Rows, make_rows
from tests.helpers.waiting import wait_until
from worldseat import throttling
from worldseat.celery import app
from worldseat.local.processes import Supervisor
from worldseat.valkey import Breaker, BreakingConnection, KeptConnections

# The same examples in each run, so that a commit fails for what it changes; others where more are
# looked for (`make long-run`). On a machine that is busy, slow is not wrong.
hypothesis.settings.register_profile(
    "repeated",
    derandomize=not os.environ.get("WORLDSEAT_LONG_RUN"),
    database=None,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("repeated")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, django_db_blocker: DjangoDbBlocker
) -> None:
    """Copy the tests' database from one that has all tables: the migrations run once."""
    default = connections["default"]
    if not default.uses_iam:  # type: ignore[attr-defined] # our backend's
        with django_db_blocker.unblock():
            template = template_database(os.environ["WORLDSEAT_TEST_POSTGRES"])
        default.settings_dict["TEST"]["TEMPLATE"] = template


@pytest.fixture(scope="session", autouse=True)
def _quick_emptying() -> Iterator[None]:
    """Empty the tables in the quick way after each test that commits."""

    def empty_all(case: Any) -> None:
        for using in case._databases_names(include_mirrors=False):
            empty(using)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty_all)
        yield


@pytest.fixture(autouse=True)
def _everywhere() -> Iterator[None]:
    """Let the tests themselves look at all rows; requests and tasks enter scopes of their own."""
    with everywhere():
        yield


@pytest.fixture(autouse=True)
def _quick_settings(settings: Settings) -> None:
    """Spare the tests what only a deployment needs: a manifest of files, a slow hash."""
    plain = {"BACKEND": "tests.static_names.StrictNames"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    # Else it would look through what another process of this run is collecting just now.
    settings.WHITENOISE_AUTOREFRESH = True
    # They share an address; tests/accounts has what tries the limits.
    settings.ACCOUNT_RATE_LIMITS = False
    # All tests come from one address. Those of the limits switch them on.
    settings.THROTTLING = False
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def instant_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a retry wait for nothing."""
    monkeypatch.setattr("worldseat.dsql.occ._sleep", lambda seconds: None)


@functools.cache
def _patient(url: str) -> KeptConnections:
    return KeptConnections(url, connect_seconds=20, seconds=20)


@pytest.fixture
def limits_on(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Limit requests, by buckets that no other test has used.

    A limit that Valkey does not count within a quarter of a second lets everybody through, as a
    sale wants it; on a busy machine that would be a test's answer by chance.
    """
    settings.THROTTLING = True
    monkeypatch.setattr(throttling, "_KEY", f"test:{uuid4().hex}")
    monkeypatch.setattr(throttling, "_server", _patient)
    yield
    throttling._breaker.reset()
    BreakingConnection._breakers.clear()


@pytest.fixture
def connects(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each try of a test to connect to a Valkey, as host:port.

    A client that found one gone does not try it again in the test, however long that takes.
    """
    tried: list[str] = []
    connect = redis.Connection._connect

    def counted(connection: Any) -> Any:
        tried.append(f"{connection.host}:{connection.port}")
        return connect(connection)  # type: ignore[no-untyped-call] # redis has no type for it

    monkeypatch.setattr(redis.Connection, "_connect", counted)
    monkeypatch.setattr(Breaker, "is_open", property(lambda breaker: bool(breaker._until)))
    return tried


@pytest.fixture
def tasks_at_once() -> Iterator[None]:
    """Run Celery's tasks where they are sent, retries too; `mailoutbox` then has the mails."""
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


@pytest.fixture
def now() -> datetime:
    """This instant, UTC."""
    return timezone.now()


@pytest.fixture
def acme(db: None) -> Organisation:
    """The organisation whose events are sold."""
    return make_organisation("acme")


@pytest.fixture
def rival(db: None) -> Organisation:
    """Another organisation: none of acme's business."""
    return make_organisation("rival")


@pytest.fixture
def alice(acme: Organisation) -> User:
    """The owner of acme."""
    return make_member("alice", acme, Role.OWNER)


@pytest.fixture
def bob(acme: Organisation) -> User:
    """Works in acme's box office."""
    return make_member("bob", acme, Role.BOX_OFFICE)


@pytest.fixture
def charlie(rival: Organisation) -> User:
    """The owner of rival: has no access to acme."""
    return make_member("charlie", rival, Role.OWNER)


@pytest.fixture
def fay(db: None) -> User:
    """A fan, who works for nobody."""
    return make_user("fay")


@pytest.fixture
def event(acme: Organisation) -> Event:
    """Acme's event, on sale: see `make_event` for its seats."""
    return make_event(acme, name="Opening Night")


@pytest.fixture
def draft(acme: Organisation) -> Event:
    """Acme's event that nobody else may see yet."""
    return make_event(acme, name="Secret Show", state="draft")


@pytest.fixture
def seats(event: Event) -> list[Seat]:
    """The seats of `event`, in the plan's order."""
    return list(event.seats.in_order().select_related("event", "category"))


@pytest.fixture
def seat(seats: list[Seat]) -> Seat:
    """Seat A-1 of `event`: 45.00 EUR, available."""
    return seats[0]


@pytest.fixture
def acmes_rows(
    alice: User, acme: Organisation, seats: list[Seat], fay: User, now: datetime
) -> Rows:
    """One row of each tenant's model, all of acme, whose texts say SECRET where they can."""
    return make_rows(alice, acme, seats, fay, now)


@pytest.fixture
def api() -> APIClient:
    """A client of the API who has not logged in."""
    return APIClient()


@pytest.fixture
def api_as() -> Callable[[User], APIClient]:
    """Make clients of the API with a token: `api_as(fay).get("/api/v1/me/")`."""

    def log_in(user: User) -> APIClient:
        _, token = get_token_model().objects.create(user=user)
        api = APIClient()
        api.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        return api

    return log_in


@pytest.fixture
def client_as() -> Callable[[User], Client]:
    """Make browsers with a session: `client_as(alice).get("/admin/")`."""

    def log_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return log_in


@pytest.fixture(scope="session")
def crew(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    """The workers of this run, which end before their database does.

    Here, and nowhere else: imported into another module it would be a second crew, of the same
    names on the same queues, and a worker that a test has killed would still be answered for.
    """
    logs: Path = tmp_path_factory.mktemp("workers")
    with Supervisor() as supervisor:
        yield Crew(supervisor, logs)


@pytest.fixture
def workers(crew: Crew) -> Iterator[Crew]:
    """A worker in each region, which takes the tasks that the test sends."""
    before = point_celery_at(broker_url())
    crew.muster()
    yield crew
    wait_until(is_database_quiet, what="the workers' last transactions end")
    point_celery_at(before)
