"""Limits are on in all of these tests."""

from __future__ import annotations

import pytest
from pytest_django import Settings


@pytest.fixture(autouse=True)
def _limits(limits_on: None) -> None:
    """Limit whoever asks."""


@pytest.fixture
def no_valkey(settings: Settings) -> None:
    """Valkey is down: for the limits, the cache, the sessions."""
    nowhere = "redis://127.0.0.1:9/0"
    settings.REDIS_URL = nowhere
    settings.CACHES = {
        name: {**cache, "LOCATION": nowhere} for name, cache in settings.CACHES.items()
    }
