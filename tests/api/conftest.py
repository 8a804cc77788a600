"""Both forms of the one-request sale, for the tests of what either has to do."""

from __future__ import annotations

import pytest
from pytest_django import Settings


@pytest.fixture(params=["naive", "lean"])
def form(request: pytest.FixtureRequest, settings: Settings) -> str:
    """Sell in the naive way, then in the lean one."""
    settings.LEAN_PURCHASES = request.param == "lean"
    return str(request.param)
