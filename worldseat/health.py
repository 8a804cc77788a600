"""Whether this process serves, for whoever watches over it."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, JsonResponse

__all__ = ["alive"]


def alive(request: HttpRequest) -> JsonResponse:
    """Answer 200 with the process's region; asks nothing of the database."""
    return JsonResponse({"status": "ok", "region": settings.REGION})
