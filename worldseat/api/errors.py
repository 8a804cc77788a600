"""Problems outside of the API's views: unknown paths, and what Django refuses by itself."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.urls import Resolver404, resolve
from django.views import defaults
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from worldseat.api.problems import answer, not_found
from worldseat.busy import busy_page

__all__ = ["NothingHere", "bad_request", "page_not_found", "permission_denied", "server_error"]

API_PREFIX = "/api/"


@extend_schema(exclude=True)
class NothingHere(APIView):
    """Answer every path of the API that is no other view's."""

    authentication_classes = ()
    permission_classes = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse whatever the method is."""
        raise not_found(f"There is nothing at {request.path}.{_hint(request.path)}")


def _hint(path: str) -> str:
    """Name the path that was probably meant: the same with or without its last slash."""
    meant = path.removesuffix("/") if path.endswith("/") else f"{path}/"
    try:
        found = resolve(meant)
    except Resolver404:
        return ""
    is_view = getattr(found.func, "view_class", None) is not NothingHere
    return f" Did you mean {meant}?" if is_view and meant.startswith(API_PREFIX) else ""


def _problem_or(
    page: Callable[..., HttpResponseBase], request: HttpRequest, error: Exception
) -> HttpResponseBase:
    if request.path.startswith(API_PREFIX):
        return answer(error, request)
    return page()


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer 400: a bad Host header, a body that is too large (Django's handler400)."""
    return _problem_or(lambda: defaults.bad_request(request, exception), request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer 403 (Django's handler403)."""
    return _problem_or(lambda: defaults.permission_denied(request, exception), request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer 404 (Django's handler404)."""
    return _problem_or(lambda: defaults.page_not_found(request, exception), request, exception)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Answer 500 (Django's handler500, called while the error is being handled)."""
    error = sys.exception()
    known = error if isinstance(error, Exception) else RuntimeError("unknown")
    return _problem_or(
        lambda: busy_page(request, error) or defaults.server_error(request), request, known
    )
