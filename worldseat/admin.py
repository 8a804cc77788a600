"""The admin site: staff of the platform, and organisers among their own rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite
    from django.contrib.admin.forms import AdminAuthenticationForm
else:  # it publishes no types, and has Django's interface
    from unfold.forms import AuthenticationForm as AdminAuthenticationForm
    from unfold.sites import UnfoldAdminSite as AdminSite

__all__ = ["WorldSeatAdminSite", "may_use_admin"]


class OrganiserAuthenticationForm(AdminAuthenticationForm):
    """Let in whoever works for an organisation, not only the platform's staff."""

    def confirm_login_allowed(self, user: Any) -> None:
        """Raise ValidationError unless the user may use the admin."""
        if not may_use_admin(user):
            super().confirm_login_allowed(user)


class WorldSeatAdminSite(AdminSite):
    """Django's admin, open to organisers."""

    site_header = "WorldSeat"
    site_title = "WorldSeat"
    index_title = "Your organisation"
    login_form = OrganiserAuthenticationForm

    def has_permission(self, request: HttpRequest) -> bool:
        """Admit members of an organisation and superusers."""
        return may_use_admin(request.user)


def may_use_admin(user: Any) -> bool:
    """Tell whether a user works for an organisation (or runs the platform)."""
    return bool(user.is_active and (user.is_staff or user.is_organiser))
