"""Limits are on, with buckets that no other test has used."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from pytest_django import Settings

from worldseat import throttling
from worldseat.valkey import BreakingConnection


@pytest.fixture(autouse=True)
def _limits(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.THROTTLING = True
    monkeypatch.setattr(throttling, "_KEY", f"test:{uuid.uuid4().hex}")
    yield
    throttling._breaker.reset()
    BreakingConnection._breakers.clear()


@pytest.fixture
def no_valkey(settings: Settings) -> None:
    """Valkey is down: for the limits, the cache, the sessions."""
    nowhere = "redis://127.0.0.1:9/0"
    settings.REDIS_URL = nowhere
    settings.CACHES = {
        name: {**cache, "LOCATION": nowhere} for name, cache in settings.CACHES.items()
    }
