"""Django REST framework's views, which refuse a query parameter that they do not know."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from django.db.models import Model
from rest_framework import generics, views
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response

from worldseat import limits
from worldseat.api.pagination import PAGE_PARAMETERS
from worldseat.api.parsing import StrictSerializer
from worldseat.api.problems import Problem, invalid
from worldseat.throttling import Verdict

__all__ = ["APIView", "ListAPIView", "refuse_beyond"]

M = TypeVar("M", bound=Model)


class APIView(views.APIView):
    """A view; `query` says what its query may hold."""

    query: ClassVar[type[StrictSerializer] | None] = None
    page_parameters: ClassVar[tuple[str, ...]] = ()
    # `login` or `register`; else what is asked says which limits it meets (worldseat.limits).
    limited_as: ClassVar[str] = ""
    # Looks at who asks where it matters only: a token would cost each watcher a query. Her limits
    # go by the token then, whosever it is.
    asks_nobody: ClassVar[bool] = False
    _verdict: Verdict | None = None

    def perform_authentication(self, request: Request) -> None:
        """Check who asks, and whether she asks too often; raises Problem (429)."""
        if not self.asks_nobody:
            super().perform_authentication(request)
        account = ""
        if self.limited_as == "login" and isinstance(request.data, dict):
            account = str(request.data.get("email", ""))
        self._limit(
            limits.of_request(
                request._request,
                None if self.asks_nobody else request.user,
                bucket=self.limited_as,
                account=account,
            )
        )

    def handle_exception(self, exc: Exception) -> Response:
        """Answer an error; who sends wrong tokens again and again is told to wait."""
        if isinstance(exc, AuthenticationFailed):
            try:
                self._limit(limits.of_unknown(self.request._request))
            except Problem as problem:
                exc = problem
        return super().handle_exception(exc)

    def _limit(self, verdict: Verdict | None) -> None:
        self._verdict = verdict
        refuse_beyond(verdict)

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Response:
        """Say how much is left (RateLimit)."""
        final = super().finalize_response(request, response, *args, **kwargs)
        if self._verdict is not None:
            for name, value in self._verdict.headers().items():
                final.headers.setdefault(name, value)
        return final

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check who asks, then what for; raises Problem (400), so that no typing error passes."""
        super().initial(request, *args, **kwargs)
        known = [*(self.query().fields if self.query else ()), *self.page_parameters]
        unknown = sorted(set(request.query_params) - set(known))
        if unknown:
            says = f"Unknown. Known are: {', '.join(known)}." if known else "Nothing is known here."
            raise invalid({name: [says] for name in unknown})


def refuse_beyond(verdict: Verdict | None) -> None:
    """Raise Problem (429) for a request that was one too many."""
    if verdict is not None and not verdict.allowed:
        detail = (
            f"More than {verdict.tightest.number} requests in {verdict.tightest.seconds} "
            f"seconds. Nothing was changed. Wait {verdict.wait_seconds} seconds."
        )
        raise Problem(429, "throttled", detail, headers=verdict.headers())


class ListAPIView(APIView, generics.ListAPIView[M]):
    """A list, in pages."""

    page_parameters = PAGE_PARAMETERS
