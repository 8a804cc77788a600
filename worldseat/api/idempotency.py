"""The Idempotency-Key header, as it arrives."""

from __future__ import annotations

from rest_framework.request import Request

from worldseat.api.problems import Problem, invalid

__all__ = ["HEADER", "LONGEST", "REPLAYED", "idempotency_key"]

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
LONGEST = 255


def idempotency_key(request: Request) -> str:
    """Return the key of a request that must have one; raises Problem (400)."""
    key = request.headers.get(HEADER)
    if key is None:
        raise Problem(
            400,
            "idempotency-key-missing",
            f"Send a random {HEADER}, a new one for each purchase and the same one when you "
            f"repeat a request. Nothing was sold.",
        )
    if not 1 <= len(key) <= LONGEST or any(ord(each) < 32 or ord(each) == 127 for each in key):
        raise invalid({HEADER: [f"Use 1 to {LONGEST} printable characters."]})
    return key
