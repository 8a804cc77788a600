"""Every model's admin is registered, even if a test asks the registry before any page."""

from __future__ import annotations

from django.contrib import admin

admin.autodiscover()  # as the admin's paths do (worldseat.admin_urls)
