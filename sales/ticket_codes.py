"""Ticket codes: what the QR code of a ticket says, signed, so that a door knows it without us.

A code is 95 bytes in base32 (RFC 4648), hence 152 characters without padding:

    version  1   always 1
    key      4   the id of the key that signed: SHA-256 of the public key, its first bytes
    ticket  16   the ticket's id
    event    8   the last bytes of the event's id
    issue    2   which printing of the ticket this is, big-endian
    signature   64   Ed25519 (RFC 8032), over CONTEXT and all that comes before it

Base32 because a QR code stores capital letters and digits at 5.5 bits each, so 152 of them fit a
QR code of 41 modules at error correction M; base64url would need 127 characters of 8 bits and 45
modules. Base45 is as dense, but has a space and a percent sign in it, which URLs, forms and
scanners that trim what they read do not leave alone.

Nothing is stored: the code of a ticket is made when it is shown, by the newest key.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from dataclasses import dataclass
from functools import cache
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from django.conf import settings

__all__ = [
    "CONTEXT",
    "LONGEST_CODE",
    "BadCode",
    "TicketCode",
    "public_keys",
    "read_code",
    "sign_code",
]

# Keeps a signature from meaning something where the same key signs something else.
CONTEXT = b"worldseat-ticket\n"
VERSION = 1
LONGEST_CODE = 400  # with the spaces and line breaks that a form may add

_PAYLOAD = struct.Struct(">B4s16s8sH")
_SIGNATURE_BYTES = 64
_CHARACTERS = (_PAYLOAD.size + _SIGNATURE_BYTES) * 8 // 5


class BadCode(ValueError):
    """This is not the code of a ticket, or nobody here signed it."""


@dataclass(frozen=True)
class TicketCode:
    """What a code says. `event` is the short form of the event's id."""

    ticket_id: UUID
    event: bytes
    issue: int

    def is_for(self, event_id: UUID) -> bool:
        """Tell whether the code is for an event."""
        return self.event == _short(event_id)


def sign_code(*, ticket_id: UUID, event_id: UUID, issue: int) -> str:
    """Return the code of a ticket, signed with the newest key; the same each time."""
    key_id, (private, _) = next(iter(_keys(*settings.TICKET_KEYS).items()))
    payload = _PAYLOAD.pack(VERSION, key_id, ticket_id.bytes, _short(event_id), issue)
    return base64.b32encode(payload + private.sign(CONTEXT + payload)).decode()


def read_code(text: str) -> TicketCode:
    """Return what a code says, if one of our keys signed it; raises BadCode.

    Spaces, line breaks and small letters are as good.
    """
    packed = "".join(text.split()).upper()
    if len(packed) != _CHARACTERS or not packed.isascii():
        raise BadCode
    try:
        signed = base64.b32decode(packed)
    except ValueError:
        raise BadCode from None
    payload, signature = signed[: _PAYLOAD.size], signed[_PAYLOAD.size :]
    version, key_id, ticket, event, issue = _PAYLOAD.unpack(payload)
    _, public = _keys(*settings.TICKET_KEYS).get(key_id, (None, None))
    if version != VERSION or public is None:
        raise BadCode
    try:
        public.verify(signature, CONTEXT + payload)
    except InvalidSignature:
        raise BadCode from None
    return TicketCode(ticket_id=UUID(bytes=ticket), event=event, issue=issue)


def public_keys() -> list[dict[str, str]]:
    """Return the public keys as JSON Web Keys (RFC 8037), the one that signs first."""
    return [
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": base64.urlsafe_b64encode(public.public_bytes_raw()).decode().rstrip("="),
            "kid": key_id.hex(),
            "use": "sig",
            "alg": "EdDSA",
        }
        for key_id, (_, public) in _keys(*settings.TICKET_KEYS).items()
    ]


@cache
def _keys(*seeds: bytes) -> dict[bytes, tuple[Ed25519PrivateKey, Ed25519PublicKey]]:
    """Return the keys by their ids, in the order of the settings."""
    private = [Ed25519PrivateKey.from_private_bytes(seed) for seed in seeds]
    pairs = [(each, each.public_key()) for each in private]
    return {hashlib.sha256(pair[1].public_bytes_raw()).digest()[:4]: pair for pair in pairs}


def _short(event_id: UUID) -> bytes:
    # The last bytes: of a UUIDv7 the first ones are a time, which events share.
    return event_id.bytes[8:]
