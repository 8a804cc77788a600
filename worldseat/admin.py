"""The admin site: staff of the platform, and organisers among their own rows."""

from __future__ import annotations

from functools import update_wrapper
from typing import TYPE_CHECKING, Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone

from accounts.audited_admin import is_superuser
from accounts.models import Organisation
from accounts.scopes import narrow
from accounts.switching import NotYours, organisations_to_choose, switch
from accounts.tenancy import CHOSEN, as_uuid, roles_in
from sales.back_office.overview import overview
from worldseat.admin_navigation import sidebar, tasks

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite
else:  # it publishes no types, and has Django's interface
    from unfold.sites import UnfoldAdminSite as AdminSite

__all__ = ["WorldSeatAdminSite", "may_use_admin"]


_LISTED = 50
# How many events the start page shows: a screenful.
_EVENTS = 6


class WorldSeatAdminSite(AdminSite):
    """Django's admin, open to organisers."""

    site_header = "WorldSeat"
    site_title = "WorldSeat"
    index_title = "Start"

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

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        """Ask once a request what the user may open: the menu and each page want to know."""
        asked: dict[Any, Any] = request.__dict__.setdefault("admin_app_lists", {})
        if app_label not in asked:
            asked[app_label] = super().get_app_list(request, app_label)
        return asked[app_label]

    def get_sidebar_list(self, request: HttpRequest) -> list[dict[str, Any]]:
        """Group the sidebar by task."""
        return sidebar(request, self.get_app_list(request))

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """Begin with the latest events and how they sell, then what there is to do."""
        events = overview(user=request.user, now=timezone.now(), size=_EVENTS)
        context = {
            "overview": events,
            "tasks": tasks(request, self.get_app_list(request)),
            **(extra_context or {}),
        }
        return super().index(request, context)

    def get_urls(self) -> Any:
        """Add the page on which one chooses the organisation to work in."""
        own = [path("organisation/", self.admin_view(self.organisation), name="organisation")]
        return [*own, *super().get_urls()]

    def each_context(self, request: HttpRequest) -> Any:
        """Name the organisation that the pages are about, in the header."""
        roles = roles_in(request)
        own = list(Organisation.objects.filter(pk__in=roles).order_by("name")[:2])
        may_choose = is_superuser(request) or len(own) > 1 or CHOSEN in request.session
        return {
            **super().each_context(request),
            "works_in": own,
            "may_choose": may_choose and self.has_permission(request),
        }

    def organisation(self, request: HttpRequest) -> HttpResponse:
        """Show the organisations that one may work in; POST chooses one, or leaves it."""
        if request.method == "POST":
            return self._choose(request)
        named = request.GET.get("q", "").replace("\0", "").strip()[:100]
        context = {
            **self.each_context(request),
            "title": "Organisation",
            "organisations": organisations_to_choose(request.user, named=named)[:_LISTED],
            "listed_at_most": _LISTED,
            "named": named,
        }
        return TemplateResponse(request, "admin/organisation.html", context)

    def _choose(self, request: HttpRequest) -> HttpResponse:
        from_id = next(iter(roles_in(request)), None) if CHOSEN in request.session else None
        to_id = as_uuid(request.POST.get("organisation"))
        try:
            switch(user=request.user, from_id=from_id, to_id=to_id, now=timezone.now())
        except NotYours:
            raise PermissionDenied from None
        request.session.pop(CHOSEN, None)
        if to_id:
            request.session[CHOSEN] = str(to_id)
        return redirect("admin:index")

    def has_permission(self, request: HttpRequest) -> bool:
        """Admit members of an organisation and superusers; asked once a request."""
        if "may_use_admin" not in request.__dict__:
            request.__dict__["may_use_admin"] = may_use_admin(request.user)
        return bool(request.__dict__["may_use_admin"])


def may_use_admin(user: Any) -> bool:
    """Tell whether a user works for an organisation (or runs the platform)."""
    return bool(user.is_active and (user.is_staff or user.is_organiser))
