"""Buying a seat in the lean way in tests: through its domain function."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from knox.crypto import hash_token
from knox.models import get_token_model

from accounts.models import User
from sales.lean.purchases import Answered, Asked, purchase
from sales.models import Seat

__all__ = ["lean_buy", "token_of"]


def token_of(fan: User) -> str:
    """Make a token for a fan."""
    _, token = get_token_model().objects.create(user=fan)
    return str(token)


def lean_buy(seat: Seat, token: str, *, key: str = "key-1", **changes: Any) -> Answered | None:
    """Buy a seat now; the answer is the order's reference."""
    asked = Asked(hash_token(token), seat.event_id, seat.pk, key, "f" * 64)
    return purchase(
        asked,
        **{
            "region": "us-east-1",
            "now": timezone.now(),
            "admit": lambda row: None,
            "sold": lambda order: Answered(201, f'{{"reference": "{order.reference}"}}'),
            "taken": lambda row: Answered(409, f'{{"status": "{row.status}"}}'),
            **changes,
        },
    )
