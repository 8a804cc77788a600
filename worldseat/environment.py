"""Reading settings from the environment: a bad value fails loudly, and says what would be good.

For worldseat.settings, which says what each variable is for.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from collections.abc import Collection
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from worldseat.dsql.url import BadDatabaseURL, database_from_url
from worldseat.mail_url import BadMailURL, mail_settings

__all__ = [
    "env",
    "env_bool",
    "env_database",
    "env_files",
    "env_int",
    "env_keys",
    "env_limits",
    "env_list",
    "env_mail",
    "env_networks",
    "env_pairs",
    "env_secret",
]


def env(name: str, default: str = "") -> str:
    """Read a text; unset and empty are the same."""
    return os.environ.get(name, "").strip() or default


def env_bool(name: str, *, default: bool) -> bool:
    """Read a switch: 1/0, true/false, yes/no, on/off."""
    value = env(name, "on" if default else "off").lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name}={value!r}: use true or false.")


def env_int(name: str, default: int, *, least: int = 0) -> int:
    """Read a whole number of at least `least`."""
    value = env(name, str(default))
    if not value.isdecimal() or int(value) < least:
        raise ImproperlyConfigured(f"{name}={value!r}: use a whole number of at least {least}.")
    return int(value)


def env_list(name: str, default: str = "") -> list[str]:
    """Read a list, its items parted by commas."""
    return [item.strip() for item in env(name, default).split(",") if item.strip()]


def env_pairs(name: str) -> dict[str, str]:
    """Read `name=value` pairs, parted by commas."""
    pairs = dict(item.partition("=")[::2] for item in env_list(name))
    if not all(key and value for key, value in pairs.items()):
        raise ImproperlyConfigured(f"{name}: use name=value, parted by commas.")
    return pairs


def env_secret(
    name: str, default: str | None = None, *, may_be_made_up: bool, least_length: int = 32
) -> str:
    """Read a secret; a random one stands in where only this machine is served."""
    value = env(name, default or "")
    if value and len(value) < least_length:
        raise ImproperlyConfigured(f"{name} is too short: use at least {least_length} characters.")
    if not value and not may_be_made_up:
        raise ImproperlyConfigured(
            f"{name} is not set. Set it to a random text of at least {least_length} characters, "
            f"the same for every process."
        )
    return value or secrets.token_urlsafe(50)


def env_keys(name: str, secret: str, *, may_be_made_up: bool) -> list[bytes]:
    """Read 32-byte keys in base64url, the newest first; where only this machine is served, one
    made of its own secret stands in.
    """
    given = env_list(name)
    if not given and may_be_made_up:
        return [hashlib.sha256(f"{name}:{secret}".encode()).digest()]
    try:
        keys = [base64.b64decode(f"{each}=", altchars="-_", validate=True) for each in given]
    except ValueError:
        keys = []
    if not keys or len(set(keys)) < len(given) or any(len(key) != 32 for key in keys):
        raise ImproperlyConfigured(
            f"{name} is not set, or not a list of different keys of 32 bytes in base64url. Make "
            f"one: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    return keys


def env_files(name: str) -> list[str]:
    """Read paths of files, which have to be there."""
    files = env_list(name)
    if missing := [each for each in files if not Path(each).is_file()]:
        raise ImproperlyConfigured(f"{name}: there is no file {', '.join(missing)}.")
    return files


def env_database(name: str, default: str) -> dict[str, Any]:
    """Read a database URL."""
    try:
        return database_from_url(env(name, default))
    except BadDatabaseURL as error:
        raise ImproperlyConfigured(f"{name}: {error}.") from None


def env_limits(name: str, known: Collection[str]) -> dict[str, tuple[int, int]]:
    """Read limits such as `sell=60/60` (requests/seconds), parted by commas."""
    found = {}
    for limit, text in env_pairs(name).items():
        number, _, seconds = text.partition("/")
        if limit not in known or not (number.isdecimal() and seconds.isdecimal()):
            raise ImproperlyConfigured(
                f"{name}: {limit}={text}: use name=requests/seconds, of {', '.join(known)}."
            )
        if not int(number) or not int(seconds):
            raise ImproperlyConfigured(f"{name}: {limit}={text}: both are at least 1.")
        found[limit] = (int(number), int(seconds))
    return found


def env_networks(name: str) -> list[str]:
    """Read networks such as 10.1.0.0/16."""
    try:
        return [str(ip_network(each)) for each in env_list(name)]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}.") from None


def env_mail(name: str, default: str) -> dict[str, Any]:
    """Read a URL that says where e-mail goes, as Django's settings for it."""
    try:
        return mail_settings(env(name, default))
    except BadMailURL as error:
        raise ImproperlyConfigured(f"{name}: {error}.") from None
