"""The admin's paths, below /admin/. Importing this imports every app's admin."""

from __future__ import annotations

from django.contrib import admin

admin.autodiscover()

urlpatterns = admin.site.get_urls()
