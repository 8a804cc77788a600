"""The admin site: staff of the platform, and organisers among their own rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite
else:  # it publishes no types, and has Django's interface
    from unfold.sites import UnfoldAdminSite as AdminSite

__all__ = ["WorldSeatAdminSite", "may_use_admin"]


class WorldSeatAdminSite(AdminSite):
    """Django's admin, open to organisers."""

    site_header = "WorldSeat"
    site_title = "WorldSeat"
    index_title = "Your organisation"

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Leave logging in to the site's own page, which asks for the second factor."""
        if self.has_permission(request):
            return redirect("admin:index")
        if request.user.is_authenticated:
            raise PermissionDenied
        return redirect_to_login(request.GET.get("next") or reverse("admin:index"))

    def has_permission(self, request: HttpRequest) -> bool:
        """Admit members of an organisation and superusers."""
        return may_use_admin(request.user)


def may_use_admin(user: Any) -> bool:
    """Tell whether a user works for an organisation (or runs the platform)."""
    return bool(user.is_active and (user.is_staff or user.is_organiser))
