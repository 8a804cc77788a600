"""`manage.py dbshell`: psql, with a token minted for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.helpers.projects import ROOT, STOCK, environment
from worldseat.local.endpoint.launch import Endpoint

SHOW = ["--", "-X", "-A", "-t", "-c", "SELECT current_user, n FROM seat"]

# What psql does with its arguments and its environment, by the same libpq: for machines that have
# no psql, or one without TLS, like the embedded PostgreSQL's.
LIKE_PSQL = f"""#!{sys.executable}
import argparse, psycopg
options = argparse.ArgumentParser(add_help=False)
for name in "UhpcXAt":
    options.add_argument(f"-{{name}}", action="store_true" if name in "XAt" else "store")
options.add_argument("dbname")
said = options.parse_args()
where = {{"user": said.U, "host": said.h, "port": said.p, "dbname": said.dbname}}
print("|".join(map(str, psycopg.connect(**where).execute(said.c).fetchone())))
"""


def shell(url: str, *arguments: str, path: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "django", "dbshell", *arguments],
        env={**environment(url, STOCK), "PATH": path, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def seat(behind: psycopg.Connection[object]) -> None:
    """A table with a row to read."""
    behind.execute("CREATE TABLE seat (n integer)")
    behind.execute("INSERT INTO seat VALUES (7)")


@pytest.mark.usefixtures("seat")
def test_speaks_to_the_cluster(endpoint: Endpoint) -> None:
    if not shutil.which("psql"):
        pytest.skip("this machine has no psql")
    done = shell(endpoint.database_url, *SHOW, path=os.environ["PATH"])
    assert (done.stdout.strip(), done.stderr) == ("admin|7", "")


@pytest.mark.usefixtures("seat")
def test_tells_libpq_what_the_backend_tells_it(endpoint: Endpoint, tmp_path: Path) -> None:
    (tmp_path / "psql").write_text(LIKE_PSQL)
    (tmp_path / "psql").chmod(0o700)
    done = shell(endpoint.database_url, *SHOW, path=str(tmp_path))
    assert (done.stdout.strip(), done.stderr) == ("admin|7", "")


def test_says_that_psql_is_missing(endpoint: Endpoint, tmp_path: Path) -> None:
    done = shell(endpoint.database_url, path=str(tmp_path))
    assert done.returncode == 1
    assert "psql" in done.stderr
    assert "X-Amz" not in done.stderr
