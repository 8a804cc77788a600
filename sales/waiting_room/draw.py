"""The draw: who joined before the sale is ordered by a keyed hash, which anybody can check.

The room's seed is made with the room and secret until the sale starts; its SHA-256, the
commitment, is shown from the beginning. Each fan's place has an id made of the event and the
fan, so nobody chooses hers and to join often changes nothing. Once the seed is told:

    draw = the first 53 bits of HMAC-SHA256(key=seed, message=the 16 bytes of the id) / 2**53
"""

from __future__ import annotations

import hmac
from uuid import UUID, uuid5

__all__ = ["draw_of", "place_id"]


def place_id(*, event_id: UUID, fan_id: UUID, turn: int = 0) -> UUID:
    """Return the id of a fan's place at an event: the same in every region, each time.

    `turn`: how often she has joined anew after a pass had ended; those places are in no draw.
    """
    return uuid5(event_id, f"{fan_id}:{turn}" if turn else str(fan_id))


def draw_of(*, seed: str, place_id: UUID) -> float:
    """Return a place's draw: at least 0, less than 1; the smallest goes first."""
    digest = hmac.digest(bytes.fromhex(seed), place_id.bytes, "sha256")
    return float(int.from_bytes(digest[:8]) >> 11) / 2**53
