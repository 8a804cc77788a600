"""The migrations of stock apps, unchanged, under DSQL's rules."""

from __future__ import annotations

import os

import pytest

from tests.dsql.served.conftest import Run, _empty

APPS = [
    "account",
    "socialaccount",
    "admin",
    "knox",
    "django_celery_beat",
    "django_celery_results",
    "flatpages",
    "redirects",
    "sessions",
    "sites",
    "auth",
    "contenttypes",
]
ZERO = [f"{app}:zero" for app in APPS]

# All statements take minutes: `make stop-at-every-statement`.
EVERY = bool(os.environ.get("WORLDSEAT_EVERY_STATEMENT"))
in_full = pytest.mark.skipif(not EVERY, reason="make stop-at-every-statement runs it")


@pytest.fixture
def postgresqls_facts(migrate: Run, backend_url: str) -> dict[str, list[str]]:
    """What the migrations make on a plain PostgreSQL."""
    facts: dict[str, list[str]] = migrate("--undisturbed", url=backend_url)["facts"]
    _empty(backend_url)
    return facts


def test_makes_the_schema_that_postgresql_has(
    migrate: Run, postgresqls_facts: dict[str, list[str]]
) -> None:
    forward = migrate("--undisturbed")
    assert forward["facts"] == postgresqls_facts
    backward = migrate("--undisturbed", *ZERO)
    assert set(backward["facts"]) == {"django_migrations"}
    again = migrate("--undisturbed")
    assert again["facts"] == postgresqls_facts


def test_goes_on_where_it_was_stopped(migrate: Run, backend_url: str) -> None:
    some = ["contenttypes", "knox"]
    stopped = migrate(*some)
    assert stopped["stops"] > 80
    _empty(backend_url)
    assert stopped["facts"] == migrate("--undisturbed", *some)["facts"]


def test_goes_back_where_it_was_stopped(migrate: Run) -> None:
    migrate("--undisturbed", "contenttypes", "knox")
    back = migrate("knox:zero")
    assert back["stops"] > 10
    assert "knox_authtoken" not in back["facts"]


@in_full
@pytest.mark.timeout(1800)
def test_goes_on_after_a_stop_at_every_statement(
    migrate: Run, postgresqls_facts: dict[str, list[str]]
) -> None:
    stopped = migrate()
    assert stopped["stops"] > 400
    assert stopped["facts"] == postgresqls_facts
    back = migrate(*ZERO)
    assert set(back["facts"]) == {"django_migrations"}
