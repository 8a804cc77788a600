"""API keys, and clients that send them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework.test import APIClient

from accounts.api_keys import create_key
from accounts.models import ApiKey, Organisation


def make_key(
    organisation: Organisation, now: datetime, *scopes: str, **fields: Any
) -> tuple[ApiKey, str]:
    """Give an organisation a key; return it with its secret."""
    return create_key(
        organisation_id=organisation.pk,
        name="Door app",
        scopes=scopes,
        created_by=None,
        now=now,
        **fields,
    )


def with_key(secret: str) -> APIClient:
    """Return a client that sends a key."""
    api = APIClient()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return api
