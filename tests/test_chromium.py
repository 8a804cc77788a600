"""Without a browser its tests are skipped, and say so; a wrong one is an error."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import chromium


@pytest.fixture(autouse=True)
def _nothing_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No browser on PATH, none fetched before."""
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr("worldseat.local.state.directory", lambda: tmp_path)


def test_is_fetched_three_times_before_it_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    paused: list[float] = []

    def refuse(command: list[str], **_: Any) -> None:
        asked.append(command[-1])
        raise subprocess.CalledProcessError(1, command, stderr=b"ECONNREFUSED")

    monkeypatch.setattr(subprocess, "run", refuse)
    monkeypatch.setattr("time.sleep", paused.append)
    with pytest.raises(chromium.NoBrowser, match="ECONNREFUSED") as error:
        chromium.find()
    assert "CHROMIUM=/path/to/chromium" in str(error.value)
    assert len(asked) == 3
    assert len(paused) == 2


def test_one_that_is_named_has_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", "/nowhere/chromium")
    with pytest.raises(chromium.WrongBrowser, match="/nowhere/chromium"):
        chromium.find()


def test_another_package_than_the_one_that_is_meant_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def send(command: list[str], *, cwd: Path, **_: Any) -> None:
        (cwd / "package.tgz").write_bytes(b"another one")

    monkeypatch.setattr(subprocess, "run", send)
    with pytest.raises(chromium.WrongBrowser, match="SHA-256"):
        chromium.find()


def test_a_fetch_that_hangs_is_given_up_before_the_test_is(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    allowed: list[float] = []

    def hang(command: list[str], *, timeout: float, **_: Any) -> None:
        nonlocal now
        allowed.append(timeout)
        now += timeout
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(subprocess, "run", hang)
    monkeypatch.setattr("time.monotonic", lambda: now)
    with pytest.raises(chromium.NoBrowser):
        chromium.find()
    assert len(allowed) == 1
    assert now < 300
