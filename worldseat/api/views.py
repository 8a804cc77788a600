"""Django REST framework's views, which refuse a query parameter that they do not know."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from django.db.models import Model
from rest_framework import generics, views
from rest_framework.request import Request

from worldseat.api.pagination import PAGE_PARAMETERS
from worldseat.api.parsing import StrictSerializer
from worldseat.api.problems import invalid

__all__ = ["APIView", "ListAPIView"]

M = TypeVar("M", bound=Model)


class APIView(views.APIView):
    """A view; `query` says what its query may hold."""

    query: ClassVar[type[StrictSerializer] | None] = None
    page_parameters: ClassVar[tuple[str, ...]] = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check who asks, then what for; raises Problem (400), so that no typing error passes."""
        super().initial(request, *args, **kwargs)
        known = [*(self.query().fields if self.query else ()), *self.page_parameters]
        unknown = sorted(set(request.query_params) - set(known))
        if unknown:
            says = f"Unknown. Known are: {', '.join(known)}." if known else "Nothing is known here."
            raise invalid({name: [says] for name in unknown})


class ListAPIView(APIView, generics.ListAPIView[M]):
    """A list, in pages."""

    page_parameters = PAGE_PARAMETERS
