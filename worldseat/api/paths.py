"""A path of the API and the view that answers it."""

from __future__ import annotations

from django.urls import URLPattern, path
from rest_framework.views import APIView

__all__ = ["at"]


def at(route: str, view: type[APIView], name: str) -> URLPattern:
    """Return the path, with its name for links."""
    return path(route, view.as_view(), name=name)
