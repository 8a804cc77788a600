"""The admin site: staff of the platform, and organisers among their own rows."""

from __future__ import annotations

from functools import update_wrapper
from typing import TYPE_CHECKING, Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.scopes import narrow
from accounts.tenancy import roles_in

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

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Let a view see the rows of the user's organisations alone: see accounts.scopes."""
        inner = super().admin_view(view, cacheable)

        def serve(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            narrow(roles_in(request))
            return inner(request, *args, **kwargs)

        return update_wrapper(serve, inner)

    def has_permission(self, request: HttpRequest) -> bool:
        """Admit members of an organisation and superusers."""
        return may_use_admin(request.user)


def may_use_admin(user: Any) -> bool:
    """Tell whether a user works for an organisation (or runs the platform)."""
    return bool(user.is_active and (user.is_staff or user.is_organiser))
