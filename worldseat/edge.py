"""What every request passes on its way in and out, whatever it asks for."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

__all__ = ["ADMIN_PREFIX", "AdminPolicyMiddleware"]

ADMIN_PREFIX = "/admin/"


class AdminPolicyMiddleware(MiddlewareMixin):
    """Relax the content security policy for the admin's pages: see the settings."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Add what the admin needs; django-csp reads it."""
        if request.path.startswith(ADMIN_PREFIX):
            response._csp_update = settings.ADMIN_CONTENT_SECURITY_POLICY  # type: ignore[attr-defined]
        return response
