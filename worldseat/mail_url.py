"""Where e-mail goes, as one URL: EMAIL_URL."""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

__all__ = ["BadMailURL", "mail_settings"]

_SMTP = "django.core.mail.backends.smtp.EmailBackend"
# scheme -> its usual port, and how it is encrypted.
_SCHEMES: dict[str, tuple[int, dict[str, bool]]] = {
    "smtp": (25, {}),
    "smtp+tls": (587, {"EMAIL_USE_TLS": True}),
    "smtps": (465, {"EMAIL_USE_SSL": True}),
}
_FORMS = (
    "smtp+tls://user:password@host:587 (STARTTLS), smtps://user:password@host:465, "
    "smtp://host:25, file:///directory, or console:"
)


class BadMailURL(ValueError):
    """The URL says no place where e-mail could go."""


def mail_settings(url: str) -> dict[str, Any]:
    """Return Django's EMAIL_* settings for a URL; raises BadMailURL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadMailURL(f"{error}; use {_FORMS}") from None
    if parts.scheme == "console":
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    if parts.scheme == "file" and parts.path.startswith("/"):
        return {
            "EMAIL_BACKEND": "worldseat.mail_files.EmailBackend",
            "EMAIL_FILE_PATH": unquote(parts.path),
        }
    if parts.scheme in _SCHEMES and parts.hostname:
        return _smtp(parts, port)
    raise BadMailURL(f"use {_FORMS}")


def _smtp(parts: SplitResult, port: int | None) -> dict[str, Any]:
    usual, encryption = _SCHEMES[parts.scheme]
    return {
        "EMAIL_BACKEND": _SMTP,
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port or usual,
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        **encryption,
    }
