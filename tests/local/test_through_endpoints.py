"""The sale behind DSQL's rules: a part of `make test-endpoints` in every run of the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import servers
from tests.helpers.databases import own_database

pytestmark = pytest.mark.timeout(600)  # a run of tests with servers of its own, on two cores

PART = [
    "tests/sales/test_purchase.py",
    "tests/sales/test_purchase_race.py",
    "tests/sales/test_purchase_lost_commit.py",
    "tests/sales/test_idempotency.py",
    "tests/api/test_purchase_http.py::test_sells_to_one_of_twenty",
    "tests/admin/test_tenancy.py::test_lists_and_finds_nothing_of_others",
]


def test_sells_once_and_shows_nobody_what_belongs_to_others() -> None:
    environment = {name: value for name, value in os.environ.items() if "XDIST" not in name}
    with own_database("through") as url:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *PART],
            env={**environment, "DATABASE_URL": url, servers.THROUGH: "endpoints"},
            cwd=Path(__file__).resolve().parents[2],
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
