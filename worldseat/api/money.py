"""Money and times, as JSON has them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers

__all__ = ["Money", "money", "utc"]


class Money(serializers.Serializer[Any]):
    """An amount in minor units (4500 is 45.00 EUR) and an ISO 4217 currency."""

    amount = serializers.IntegerField()
    currency = serializers.RegexField(r"^[A-Z]{3}$")


def money(amount: int, currency: str) -> dict[str, Any]:
    """Return an amount in minor units and its currency."""
    return {"amount": amount, "currency": currency}


def utc(instant: datetime) -> str:
    """Return an instant in ISO 8601, UTC, with a Z."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
