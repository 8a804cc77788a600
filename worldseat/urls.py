"""Every path of the site."""

from __future__ import annotations

from django.urls import include, path

from worldseat import health
from worldseat.loading import include_later

urlpatterns = [
    path("healthz", health.alive, name="healthz"),
    include_later("admin/", "worldseat.admin_urls", namespace="admin"),
    path("api/", include("worldseat.api.urls")),
    path("accounts/", include("accounts.urls")),
    path("accounts/", include("allauth.account.urls")),
    include_later("accounts/two-factor/", "allauth.mfa.urls"),
    path("", include("sales.urls")),
]

handler400 = "worldseat.api.errors.bad_request"
handler403 = "worldseat.api.errors.permission_denied"
handler404 = "worldseat.api.errors.page_not_found"
handler500 = "worldseat.api.errors.server_error"
