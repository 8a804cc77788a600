"""Every path of the site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from worldseat import health

urlpatterns = [
    path("healthz", health.alive, name="healthz"),
    path("admin/", admin.site.urls),
]
