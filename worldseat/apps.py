"""The project's own apps: its commands, and the admin site in the place of Django's."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig

__all__ = ["WorldSeatAdminConfig", "WorldSeatConfig"]


class WorldSeatConfig(AppConfig):
    """Holds the management commands."""

    name = "worldseat"

    def ready(self) -> None:
        """Let allauth count tries in the cache that may be gone: else nobody could log in then."""
        from allauth.core.internal import ratelimit
        from django.core.cache import caches

        ratelimit.cache = caches["optional"]


class WorldSeatAdminConfig(AdminConfig):
    """Put our site in the place of Django's default one."""

    default_site = "worldseat.admin.WorldSeatAdminSite"
