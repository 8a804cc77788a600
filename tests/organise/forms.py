"""Sending organisers' forms in tests."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.test import Client

__all__ = ["post"]


def post(client: Client, path: str, key: str = "", **fields: Any) -> Any:
    """Send a form with a key of its own, or with `key`."""
    return client.post(path, {"key": key or uuid4().hex, **fields})
