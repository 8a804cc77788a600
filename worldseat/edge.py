"""What every request passes on its way in and out, whatever it asks for."""

from __future__ import annotations

from collections.abc import Callable

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from csp.utils import build_policy
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase, StreamingHttpResponse

from accounts import audit, scopes

__all__ = ["ADMIN_PREFIX", "ContentPolicy", "admin_policy", "scope"]

ADMIN_PREFIX = "/admin/"

Answer = Callable[[HttpRequest], HttpResponseBase]


def scope(answer: Answer) -> Answer:
    """Enter the scope of a request, in the place of whatever its thread was in.

    Fans and their API look at the events of all organisations. The admin begins with none, and
    its site narrows that to the user's; so does the organisers' API to the organisation it acts
    for. What is streamed is made in the scope that the request ended in.
    """

    def serve(request: HttpRequest) -> HttpResponseBase:
        in_admin = request.path.startswith(ADMIN_PREFIX)
        entered = scopes.in_organisations() if in_admin else scopes.everywhere()
        with entered, audit.requests_from(request.META.get("REMOTE_ADDR") or ""):
            response = answer(request)
            if isinstance(response, StreamingHttpResponse) and not response.is_async:
                chunks = scopes.streamed_in(scopes.current(), response.streaming_content)  # type: ignore[arg-type]
                response.streaming_content = chunks
            return response

    return serve


class ContentPolicy(CSPMiddleware):
    """django-csp, which makes a policy for each answer: here once, where nothing changes it."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer)
        self._policy = build_policy()

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Set the header."""
        excluded = tuple(settings.CONTENT_SECURITY_POLICY.get("EXCLUDE_URL_PREFIXES", ()))
        has_its_own = any(name.startswith("_csp") for name in vars(response))
        if has_its_own or hasattr(request, "_csp_nonce") or request.path_info.startswith(excluded):
            return super().process_response(request, response)
        response.headers.setdefault(HEADER, self._policy)
        return response


def admin_policy(answer: Answer) -> Answer:
    """Relax the content security policy for the admin's pages: see the settings."""

    def serve(request: HttpRequest) -> HttpResponseBase:
        response = answer(request)
        if request.path.startswith(ADMIN_PREFIX) and isinstance(response, HttpResponse):
            response._csp_update = settings.ADMIN_CONTENT_SECURITY_POLICY  # type: ignore[attr-defined]  # django-csp reads it
        return response

    return serve
