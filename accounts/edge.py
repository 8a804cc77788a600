"""What stands before the organisers' pages: an organisation's demand for two-factor sign-in."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.deprecation import MiddlewareMixin

from accounts.two_factor import who_requires

__all__ = ["TwoFactorMiddleware"]

_ORGANISERS = ("/admin/", "/organise/", "/door/", "/accounts/people/")


class TwoFactorMiddleware(MiddlewareMixin):
    """Lead a member who has to set two-factor sign-in up to where she can."""

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Redirect, and say why; accounts.tenancy hides the organisation in any case."""
        if not request.path.startswith(_ORGANISERS) or not request.user.is_authenticated:
            return None
        asking = who_requires(request.user)
        if asking is None:
            return None
        told = f"{asking.name} requires two-factor sign-in. Set it up here, then go on."
        messages.warning(request, told)
        return redirect("mfa_index")
