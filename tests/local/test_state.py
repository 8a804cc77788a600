"""Which instance runs, and where: never believed of one that has died."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.commands import CHECKOUT
from worldseat.local import state


def test_finds_what_the_running_instance_wrote(home: Path) -> None:
    assert state.read(home) is None
    with state.claimed(home):
        state.write(home, {"database_url": "postgres://somewhere"})
        assert state.read(home) == {"database_url": "postgres://somewhere"}
    assert state.read(home) is None


@pytest.mark.apart
def test_ignores_what_a_killed_instance_left(home: Path) -> None:
    source = (
        "import os, pathlib, signal, sys\n"
        "from worldseat.local import state\n"
        "home = pathlib.Path(sys.argv[1])\n"
        "with state.claimed(home):\n"
        "    state.write(home, {'database_url': 'postgres://nowhere'})\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", source, str(home)], cwd=CHECKOUT)
    assert "nowhere" in (home / "local.json").read_text()
    assert state.read(home) is None
    with state.claimed(home):
        assert state.read(home) is None


def test_refuses_a_second_instance_and_says_where_the_first_is(home: Path) -> None:
    with state.claimed(home):
        state.write(home, {"web_url": "http://127.0.0.1:8003"})
        with pytest.raises(state.AlreadyRunning, match=r"running already.*127\.0\.0\.1:8003"):
            state.claimed(home).__enter__()
        assert state.read(home) is not None


def test_shows_its_passwords_to_nobody_else(home: Path) -> None:
    with state.claimed(home):
        state.write(home, {})
        secret = state.kept_secret(home / "secret_key")
        assert state.kept_secret(home / "secret_key") == secret
        modes = [
            stat.S_IMODE((home / name).stat().st_mode) for name in ("local.json", "secret_key")
        ]
    assert modes == [0o600, 0o600]


def test_says_what_to_do_when_the_directory_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(state.StateDirectoryUnusable, match="WORLDSEAT_STATE_DIR"):
        state.claimed(tmp_path / "file" / ".worldseat").__enter__()
