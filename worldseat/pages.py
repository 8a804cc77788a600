"""What all HTML pages share: the region that serves, and the page for a stale form."""

from __future__ import annotations

from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

__all__ = ["csrf_failure", "region"]


def region(request: HttpRequest) -> dict[str, str]:
    """Name the region that serves, for templates."""
    return {"region": settings.REGION}


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Say that a form is stale (or comes from another site): 403, nothing was changed."""
    return render(request, "403_csrf.html", status=HTTPStatus.FORBIDDEN)
