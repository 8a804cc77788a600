"""`make setup`: what it leaves is quick to start."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.apart

CHECKOUT = Path(__file__).resolve().parent.parent
LOCK, STAMP = CHECKOUT / "uv.lock", Path(sys.prefix) / "synced.lock"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Make a checkout whose environment holds what its lock says, with one module of ours."""
    if not STAMP.exists() or STAMP.read_bytes() != LOCK.read_bytes():
        pytest.skip("make setup has not made this environment")
    shutil.copytree(CHECKOUT / ".ci", tmp_path / ".ci")
    shutil.copy(LOCK, tmp_path)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "sales").mkdir()
    (tmp_path / "sales" / "seats.py").write_text("SEATS = 1\n")
    return tmp_path


def set_up(checkout: Path, **environment: str) -> None:
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([".ci/setup"], cwd=checkout, env=kept | environment, check=True)


def test_our_code_is_compiled_where_python_may_not_keep_it(copy: Path) -> None:
    set_up(copy, PYTHONDONTWRITEBYTECODE="1")
    assert list(copy.glob("sales/__pycache__/seats.*.pyc"))


def test_python_compiles_it_with_its_first_use_elsewhere(copy: Path) -> None:
    set_up(copy)
    assert not list(copy.glob("sales/__pycache__"))


def test_code_that_does_not_compile_stops_no_setup(copy: Path) -> None:
    (copy / "sales" / "broken.py").write_text("def\n")
    set_up(copy, PYTHONDONTWRITEBYTECODE="1")
    assert list(copy.glob("sales/__pycache__/seats.*.pyc"))
