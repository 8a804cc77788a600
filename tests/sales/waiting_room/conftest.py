"""Waiting rooms whose copies are as old as the tests' own clock says, and no older."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _copies_of_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no copy stay good for longer since reading it took long, by this machine's clock."""
    monkeypatch.setattr("sales.waiting_room.desk._SHARE_OF_A_CORE", 0)
