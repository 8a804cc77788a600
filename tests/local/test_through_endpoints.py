"""The sale behind DSQL's rules: a part of `make test-endpoints` in every run of the tests."""

from __future__ import annotations

import os
import subprocess
import sys

import psycopg
import pytest

from tests.helpers import servers
from tests.helpers.commands import CHECKOUT
from tests.helpers.instances import Instance
from worldseat.local import postgres, state
from worldseat.local.processes import Supervisor

pytestmark = pytest.mark.timeout(600)  # a run of tests with servers of its own, on two cores

PART = [
    "tests/sales/test_purchase.py",
    "tests/sales/test_purchase_race.py",
    "tests/sales/test_purchase_lost_commit.py",
    "tests/sales/test_idempotency.py",
    "tests/api/test_purchase_http.py::test_sells_to_one_of_twenty",
    # All lists, and what is asked of them, in `make test-endpoints`.
    "tests/admin/test_tenancy.py::test_names_nothing_of_others_in_a_form",
    "tests/admin/test_tenancy.py::test_offers_no_tickets_or_ids_by_autocomplete",
]
# What `migrate` put there.
KEPT = ("django_migrations", "django_content_type", "auth_permission")
# The tests' database is a schema of the cluster's one.
SCHEMA = "test_postgres"


@pytest.mark.usefixtures("prepared")
def test_sells_once_and_shows_nobody_what_belongs_to_others(instance: Instance) -> None:
    environment = {name: value for name, value in os.environ.items() if "XDIST" not in name}
    with state.claimed(instance.home), Supervisor() as supervisor:
        url, _ = postgres.start(supervisor, instance.home)
        _take_for_tests(url)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "--reuse-db", *PART],
            env={**environment, "DATABASE_URL": url, servers.THROUGH: "endpoints"},
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def _take_for_tests(url: str) -> None:
    """Make what the demo migrated through its endpoints, without the rows, the tests' database."""
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = ", ".join(f'"{name}"' for (name,) in found if name not in KEPT)
        connection.execute(f"TRUNCATE {tables}")
        connection.execute(f"ALTER SCHEMA public RENAME TO {SCHEMA}")
        connection.execute("CREATE SCHEMA public")
