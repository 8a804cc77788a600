"""`manage.py dbshell`: psql, with a token minted for it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import psycopg
import pytest
from django.core.management import CommandError, call_command

from tests.helpers.theatre import ALIAS

Capture = pytest.CaptureFixture[str]
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


def shell(*arguments: str) -> None:
    # No options before the two dashes: call_command takes them by name.
    call_command("dbshell", *arguments, database=ALIAS)


@pytest.fixture
def seat(behind: psycopg.Connection[object]) -> None:
    """A table with a row to read."""
    behind.execute("CREATE TABLE seat (n integer)")
    behind.execute("INSERT INTO seat VALUES (7)")


@pytest.mark.usefixtures("seat", "served")
def test_speaks_to_the_cluster(capfd: Capture) -> None:
    if not shutil.which("psql"):
        pytest.skip("this machine has no psql")
    shell(*SHOW)
    assert capfd.readouterr() == ("admin|7\n", "")


@pytest.mark.usefixtures("seat", "served")
def test_tells_libpq_what_the_backend_tells_it(
    capfd: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "psql").write_text(LIKE_PSQL)
    (tmp_path / "psql").chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    shell(*SHOW)
    assert capfd.readouterr() == ("admin|7\n", "")


@pytest.mark.usefixtures("served")
def test_says_that_psql_is_missing(
    capfd: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CommandError, match="psql") as error:
        shell()
    assert "X-Amz" not in f"{error.value}{capfd.readouterr()}"
