"""Every path of the site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from worldseat import health

urlpatterns = [
    path("healthz", health.alive, name="healthz"),
    path("admin/", admin.site.urls),
    path("api/", include("worldseat.api.urls")),
    path("accounts/", include("accounts.urls")),
    path("accounts/", include("allauth.account.urls")),
    path("accounts/two-factor/", include("allauth.mfa.urls")),
    path("", include("sales.urls")),
]

handler400 = "worldseat.api.errors.bad_request"
handler403 = "worldseat.api.errors.permission_denied"
handler404 = "worldseat.api.errors.page_not_found"
handler500 = "worldseat.api.errors.server_error"
