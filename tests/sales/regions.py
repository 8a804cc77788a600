"""Calling domain functions in a region, through its endpoint."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db import connections

from worldseat.dsql.base import DatabaseWrapper
from worldseat.dsql.url import database_from_url
from worldseat.local.endpoint.launch import Endpoint

__all__ = ["Regions", "in_region"]

T = TypeVar("T")
Regions = dict[str, Endpoint]


def in_region(endpoint: Endpoint, call: Callable[[], T]) -> Callable[[], T]:
    """Let a call run on a connection to a region; on a thread of its own (tests.cast.at_once)."""

    def run() -> T:
        before = connections["default"]
        settings = {**before.settings_dict, **database_from_url(endpoint.database_url)}
        before.close()
        connections["default"] = DatabaseWrapper(settings, alias="default")
        return call()

    return run
