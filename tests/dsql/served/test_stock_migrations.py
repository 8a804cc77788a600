"""The migrations of stock apps, unchanged, under DSQL's rules."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import Any

import psycopg
import pytest

from tests.helpers.databases import empty_schema
from tests.helpers.projects import ROOT, STOCK, Run, environment, in_full
from tests.helpers.waiting import wait_until
from worldseat.local.endpoint.launch import Endpoint

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

pytestmark = pytest.mark.timeout(600)  # it starts processes, one after the other, on two cores

# Who sleeps in the middle of a copy.
STANDING = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
)


@pytest.fixture
def postgresqls_facts(migrate: Run, backend_url: str) -> dict[str, list[str]]:
    """What the migrations make on a plain PostgreSQL."""
    facts: dict[str, list[str]] = migrate("--undisturbed", url=backend_url)["facts"]
    empty_schema(backend_url)
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
    empty_schema(backend_url)
    assert stopped["facts"] == migrate("--undisturbed", *some)["facts"]


def test_goes_back_where_it_was_stopped(migrate: Run) -> None:
    migrate("--undisturbed", "contenttypes", "knox")
    back = migrate("knox:zero")
    assert back["stops"] > 10
    assert "knox_authtoken" not in back["facts"]


def test_goes_on_after_a_kill_in_the_middle_of_a_copy(
    endpoint: Endpoint, migrate: Run, behind: psycopg.Connection[Any]
) -> None:
    migrate("--undisturbed", "auth:0007")
    behind.execute(
        "INSERT INTO auth_user (username, password, is_superuser, first_name, last_name, email, "
        "is_staff, is_active, date_joined) SELECT 'u' || n, '', false, '', '', '', false, true, "
        "now() FROM generate_series(1, 9000) n"
    )
    behind.execute(
        "CREATE FUNCTION stand_still() RETURNS trigger LANGUAGE plpgsql "
        "AS 'BEGIN PERFORM pg_sleep(600); RETURN NEW; END'"
    )
    behind.execute(
        "CREATE TRIGGER half_way BEFORE UPDATE ON auth_user FOR EACH ROW "
        "WHEN (OLD.username = 'u5000') EXECUTE FUNCTION stand_still()"
    )
    with subprocess.Popen(
        [sys.executable, "-m", "django", "migrate", "auth", "0008", "--verbosity=0"],
        env={**environment(endpoint.database_url, STOCK), "PYTHONPATH": "."},
        cwd=ROOT,
    ) as process:
        wait_until(lambda: bool(behind.execute(STANDING).fetchall()), what="it is half way")
        assert 0 < _copied(behind) < 9000
        process.kill()
    assert process.returncode == -signal.SIGKILL
    for (pid,) in behind.execute(STANDING).fetchall():
        behind.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    behind.execute("DROP FUNCTION stand_still CASCADE")
    assert "ws_new" in str(_columns(behind))
    found = migrate("--undisturbed", "auth")["facts"]["auth_user"]
    assert "UNIQUE (username)" in str(found)
    assert "ws_" not in str(_columns(behind))
    names = behind.execute("SELECT username FROM auth_user").fetchall()
    assert {name for (name,) in names} == {f"u{n}" for n in range(1, 9001)}


def _columns(behind: psycopg.Connection[Any]) -> list[str]:
    rows = behind.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'auth_user'::regclass AND attnum > 0 "
        "AND NOT attisdropped"
    )
    return [name for (name,) in rows]


def _copied(behind: psycopg.Connection[Any]) -> int:
    """Return how many values the new column has; none as long as there is no such column."""
    new = [name for name in _columns(behind) if name.startswith("ws_new_")]
    if not new:
        return 0
    row = behind.execute(f"SELECT count({new[0]}) FROM auth_user").fetchone()  # noqa: S608 - ours
    return int(row[0]) if row else 0


@in_full
@pytest.mark.timeout(1800)
def test_goes_on_after_a_stop_at_every_statement(
    migrate: Run, postgresqls_facts: dict[str, list[str]]
) -> None:
    stopped = migrate()
    assert stopped["stops"] > 400
    assert stopped["facts"] == postgresqls_facts
    undone = migrate("--undisturbed", "--back-one-by-one")
    migrate("--undisturbed")
    stopped = migrate("--back-one-by-one")
    assert stopped["stops"] > 300
    assert stopped["after"] == undone["after"]
    assert set(stopped["facts"]) == {"django_migrations"}
