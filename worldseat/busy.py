"""The page for requests that the database did not settle: 503, when to come again, in words."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from django.db import Error, InterfaceError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from worldseat.dsql.occ import OutcomeUnknown, is_conflict, is_connection_lost

__all__ = ["BusyMiddleware", "busy_page"]

RETRY_AFTER_SECONDS = 2


def busy_page(request: HttpRequest, error: BaseException | None) -> HttpResponse | None:
    """Return the page for an error of the database that passes; None for any other error."""
    if not isinstance(error, Error):
        return None
    unknown = isinstance(error, OutcomeUnknown)
    conflict = not unknown and is_conflict(error)
    if not (unknown or conflict or is_connection_lost(error) or isinstance(error, InterfaceError)):
        return None
    context = {
        # Without the user, whom the page would ask the database for.
        "user": None,
        "saving_unknown": unknown,
        "conflict": conflict,
        "is_form": request.method not in {"GET", "HEAD"},
    }
    response = render(request, "503.html", context, status=HTTPStatus.SERVICE_UNAVAILABLE)
    response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    response.headers["Cache-Control"] = "no-store"
    return response


class BusyMiddleware:
    """Answer what a page's view raises when conflicts do not settle, or the database is away.

    The API has its own words for it (worldseat.api.problems).
    """

    def __init__(self, answer: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Go on."""
        return self.answer(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Return the page, or None for an error that is nobody's but ours."""
        return busy_page(request, error)
