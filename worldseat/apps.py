"""The project's own apps: its commands, and the admin site in the place of Django's."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.contrib.admin import autodiscover
from django.contrib.admin.apps import SimpleAdminConfig
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core import checks

__all__ = ["WorldSeatAdminConfig", "WorldSeatConfig"]


class WorldSeatConfig(AppConfig):
    """Holds the management commands."""

    name = "worldseat"

    def ready(self) -> None:
        """Let allauth count tries in the cache that may be gone: else nobody could log in then."""
        from allauth.core.internal import ratelimit
        from django.core.cache import caches

        ratelimit.cache = caches["optional"]


class WorldSeatAdminConfig(SimpleAdminConfig):
    """Put our site in the place of Django's default one.

    The apps' admins are imported with the admin's paths (worldseat.admin_urls), and to be checked;
    Django's AdminConfig imports them whenever a process starts.
    """

    default_site = "worldseat.admin.WorldSeatAdminSite"

    def ready(self) -> None:
        """Register the checks of Django's AdminConfig."""
        checks.register(check_dependencies, checks.Tags.admin)
        checks.register(check_admins, checks.Tags.admin)


def check_admins(app_configs: Any, **options: Any) -> list[checks.CheckMessage]:
    """Check the apps' admins as Django does, once they are there."""
    autodiscover()
    return check_admin_app(app_configs, **options)
