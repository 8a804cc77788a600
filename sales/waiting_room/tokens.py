"""What the waiting room signs: a fan's ticket, which is her place, and her pass, which buys.

Both are bound to one fan and one event, and nothing about them is stored. A ticket does not say
what its draw is, so nobody learns hers before the sale.
"""

from __future__ import annotations

import base64
import hmac
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from uuid import UUID

from django.conf import settings

from sales.events import is_on_sale
from sales.models import Event

__all__ = [
    "BadTicket",
    "Pass",
    "QueuePassRequired",
    "QueueTicket",
    "check_pass",
    "read_pass",
    "read_ticket",
    "sign_pass",
    "sign_ticket",
]

_TICKET = struct.Struct(">B16s16sQH")
_PASS = struct.Struct(">B16s16sQ")
_TICKET_KIND, _PASS_KIND = 1, 2
_SIGNATURE_BYTES = 16
LONGEST = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BadTicket(ValueError):
    """This is no ticket of the event's waiting room."""


class QueuePassRequired(Exception):
    """The event sells to fans with a pass from its waiting room."""

    def __init__(self) -> None:
        super().__init__(
            "A pass from the event's waiting room is required, your own and not older than it "
            "says. Join the waiting room; it gives you one when it is your turn."
        )


@dataclass(frozen=True)
class QueueTicket:
    """A fan's place: when she joined, and how often she has joined anew after a pass."""

    event_id: UUID
    fan_id: UUID
    joined_at: datetime
    turn: int = 0


@dataclass(frozen=True)
class Pass:
    """The right of a fan to hold and buy seats of an event until it expires."""

    event_id: UUID
    fan_id: UUID
    expires_at: datetime


def sign_ticket(ticket: QueueTicket) -> str:
    """Return a ticket as a text for paths and cookies."""
    return _signed(
        _TICKET.pack(
            _TICKET_KIND,
            ticket.event_id.bytes,
            ticket.fan_id.bytes,
            _micros(ticket.joined_at),
            ticket.turn,
        )
    )


def read_ticket(text: str, *, event_id: UUID) -> QueueTicket:
    """Return what a ticket says; raises BadTicket unless we signed it, for this event."""
    payload = _payload(text, _TICKET)
    if payload is None:
        raise BadTicket
    kind, event, fan, joined_at, turn = _TICKET.unpack(payload)
    if kind != _TICKET_KIND or event != event_id.bytes:
        raise BadTicket
    return QueueTicket(event_id, UUID(bytes=fan), _instant(joined_at), turn)


def sign_pass(given: Pass) -> str:
    """Return a pass as a text for headers and cookies."""
    expires_at = _micros(given.expires_at)
    return _signed(_PASS.pack(_PASS_KIND, given.event_id.bytes, given.fan_id.bytes, expires_at))


def read_pass(text: str, *, event_id: UUID, fan_id: UUID, now: datetime) -> Pass | None:
    """Return a fan's pass if it is hers, for this event, and has not expired; else None."""
    payload = _payload(text, _PASS)
    if payload is None:
        return None
    kind, event, fan, expires_at = _PASS.unpack(payload)
    if kind != _PASS_KIND or event != event_id.bytes or fan != fan_id.bytes:
        return None
    given = Pass(event_id, fan_id, _instant(expires_at))
    return given if now < given.expires_at else None


def check_pass(event: Event, *, fan_id: UUID, text: str, now: datetime) -> None:
    """Raise QueuePassRequired unless the fan may buy: by her pass, or since no room is on.

    Asks nobody: the event says whether it has a waiting room, and the signature is checked here.
    Before the sale there are no passes: what is sold then is sold under presale codes. An event
    that does not sell says so itself (NotOnSale), rather than send fans to wait.
    """
    if not event.has_waiting_room or not is_on_sale(event, now=now):
        return
    if read_pass(text, event_id=event.pk, fan_id=fan_id, now=now) is None:
        raise QueuePassRequired


def _signed(payload: bytes) -> str:
    signed = payload + _signature(_key(settings.SECRET_KEY), payload)
    return base64.urlsafe_b64encode(signed).decode().rstrip("=")


def _payload(text: str, shape: struct.Struct) -> bytes | None:
    """Return the signed bytes of a text, if one of our keys signed them."""
    if not text.isascii() or len(text) > LONGEST:
        return None
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    if len(packed) != shape.size + _SIGNATURE_BYTES:
        return None
    payload, signature = packed[: shape.size], packed[shape.size :]
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        if hmac.compare_digest(signature, _signature(_key(secret), payload)):
            return payload
    return None


def _signature(key: bytes, payload: bytes) -> bytes:
    return hmac.digest(key, payload, "sha256")[:_SIGNATURE_BYTES]


@lru_cache(maxsize=8)
def _key(secret: str) -> bytes:
    """Return the key of this module: a signature made elsewhere means nothing here."""
    return sha256(b"worldseat-waiting-room\n" + secret.encode()).digest()


def _micros(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)


def _instant(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)
