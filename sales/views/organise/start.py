"""Where organisers begin: their events, how they sell, and the way to the rest."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from sales.back_office.overview import overview
from sales.views.organise.access import organiser_page

__all__ = ["start"]

_LONGEST_SEARCH = 100


@require_safe
@organiser_page
def start(request: HttpRequest) -> HttpResponse:
    """List the events of the visitor's organisations; `q` searches name, venue and city."""
    words = request.GET.get("q", "").replace("\0", "").strip()[:_LONGEST_SEARCH]
    after = request.GET.get("after", "")
    found = overview(user=request.user, now=timezone.now(), words=words, after=after)
    several = len({line.event.organisation_id for line in found.lines}) > 1
    context = {"overview": found, "words": words, "after": after, "several": several}
    return render(request, "sales/organise/start.html", context)
