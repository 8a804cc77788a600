"""Who may open an organiser's page: members their organisation's, and no other."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import add_never_cache_headers

from accounts.models import Role
from accounts.scopes import narrow
from accounts.tenancy import managed_in, organisations_of, roles_in
from sales.back_office.access import RoleTooLow, own_event
from sales.events import EventNotFound
from sales.models import Event

__all__ = ["event_or_404", "has_role", "manager_page", "organiser_page"]

P = ParamSpec("P")


def organiser_page(
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Ask for a login, refuse who works for nobody (403), and let no proxy keep the page."""

    @login_required
    @functools.wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not (roles := roles_in(request)):
            raise PermissionDenied
        narrow(roles)
        response = view(request, *args, **kwargs)
        add_never_cache_headers(response)
        return response

    return guarded


def manager_page(
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Guard a page as `organiser_page` does, and refuse who manages no organisation (403)."""

    @organiser_page
    @functools.wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not managed_in(request):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded


def event_or_404(request: HttpRequest, event_id: UUID, *, role: Role = Role.VIEWER) -> Event:
    """Return an event of the visitor's organisation, with its organisation and venue.

    Raises Http404 for another organisation's, PermissionDenied where her role is too low.
    """
    try:
        return own_event(event_id=event_id, user=request.user, role=role)
    except EventNotFound as error:
        raise Http404(str(error)) from None
    except RoleTooLow:
        raise PermissionDenied from None


def has_role(request: HttpRequest, event: Event, role: Role) -> bool:
    """Tell whether the visitor has at least a role in the event's organisation."""
    own = organisations_of(request.user, role=role)
    return bool(own.filter(pk=event.organisation_id).exists())
