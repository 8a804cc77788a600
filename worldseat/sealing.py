"""Secrets that have to be read again, encrypted at rest: Fernet, under keys made of SECRET_KEY.

What SECRET_KEY_FALLBACKS once sealed can still be opened. Each use has keys of its own.
"""

from __future__ import annotations

import base64
import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models

__all__ = ["Resealed", "SealedField", "box"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Resealed:
    """How many rows were sealed anew, and how many stay as they are, since no key opens them."""

    sealed: int
    lost: int

    @classmethod
    def of(cls, each: Iterable[bool | None]) -> Resealed:
        """Count what came of each row: True is sealed, False lost, None had nothing to seal."""
        told = list(each)
        return cls(told.count(True), told.count(False))


def box(use: str) -> MultiFernet:
    """Return what seals and opens secrets of a use; it seals under SECRET_KEY."""
    secrets: list[Any] = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    digests = [hashlib.sha256(f"{use}:{each!s}".encode()).digest() for each in secrets]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])


# A text field, for what mypy knows of it.
class SealedField(models.CharField[str, str]):
    """A short secret: plain in Python, sealed in the database.

    `use` names its keys. What was stored before it was sealed begins with `plain` and is read as it
    is. What no key opens is empty, and the log says so: one such row must not stop the others.
    Nothing can be looked up by it.
    """

    def __init__(self, *args: Any, use: str, plain: str, **options: Any) -> None:
        self.use, self.plain = use, plain
        super().__init__(*args, **options)

    def deconstruct(self) -> Any:
        """Return how it was made, for migrations."""
        name, path, args, options = super().deconstruct()
        return name, path, args, {**options, "use": self.use, "plain": self.plain}

    def from_db_value(self, value: str | None, *_: Any) -> str | None:
        """Open what was read."""
        if not value or value.startswith(self.plain):
            return value
        try:
            return box(self.use).decrypt(value.encode()).decode()
        except InvalidToken:
            _log.error("A secret (%s) opens with no key of SECRET_KEY_FALLBACKS.", self.use)
            return ""

    def get_prep_value(self, value: Any) -> Any:
        """Seal what is written."""
        given = super().get_prep_value(value)
        return box(self.use).encrypt(given.encode()).decode() if given else given
