"""The migrations of stock apps, unchanged, under DSQL's rules."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import psycopg
import pytest

from tests.helpers.databases import empty_schema
from tests.helpers.projects import ROOT, STOCK, Run, environment
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
pytestmark = pytest.mark.timeout(600)  # it starts processes, one after the other, on two cores

# All statements take minutes: `make stop-at-every-statement`.
EVERY = bool(os.environ.get("WORLDSEAT_EVERY_STATEMENT"))
in_full = pytest.mark.skipif(not EVERY, reason="make stop-at-every-statement runs it")


# Who sleeps in the middle of a copy.
STANDING = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
)


# Tables, views, sequences and functions, but for those that belong to a table's column.
LEFT = """
    SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind <> 'i'
    AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'i')
    UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""


@pytest.fixture
def postgresqls_facts(migrate: Run, backend_url: str) -> dict[str, list[str]]:
    """What the migrations make on a plain PostgreSQL."""
    facts: dict[str, list[str]] = migrate("--undisturbed", url=backend_url)["facts"]
    empty_schema(backend_url)
    return facts


def test_makes_the_schema_that_postgresql_has(
    migrate: Run, postgresqls_facts: dict[str, list[str]], behind: psycopg.Connection[Any]
) -> None:
    forward = migrate("--undisturbed")
    assert forward["facts"] == postgresqls_facts
    backward = migrate("--undo", *APPS)
    assert set(backward["facts"]) == {"django_migrations"}
    # Nothing is left that would make the next migration another one than the first.
    assert behind.execute(LEFT).fetchall() == [("django_migrations",)]
    assert behind.execute("SELECT count(*) FROM django_migrations").fetchone() == (0,)


def test_goes_on_and_back_where_it_was_stopped(migrate: Run) -> None:
    some = ["contenttypes", "knox"]
    undisturbed = migrate("--undisturbed", *some)["facts"]
    back = migrate("knox:zero")
    assert back["stops"] > 10
    assert "knox_authtoken" not in back["facts"]
    migrate("--undo", "knox", "auth", "contenttypes")
    stopped = migrate("--each-kind", *some)
    assert stopped["stops"] > 12
    assert stopped["facts"] == undisturbed


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
