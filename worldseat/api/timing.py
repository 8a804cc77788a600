"""How often a request's transactions ran: said in Server-Timing, the standard's header for it."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from worldseat.dsql.occ import tally

__all__ = ["ServerTimingMiddleware"]

_API = "/api/"


class ServerTimingMiddleware:
    """Tell a client of the API how often its sale was tried: `occ;desc="retries=1 conflicts=1"`.

    https://www.w3.org/TR/server-timing/
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Serve the request, and count what @occ_retry does meanwhile."""
        if not request.path.startswith(_API):
            return self._get_response(request)
        with tally() as counted:
            response = self._get_response(request)
        retries = counted.attempts - counted.calls
        told = f'occ;desc="retries={retries} conflicts={counted.conflicts}"'
        response["Server-Timing"] = told
        return response
