"""The scoreboard of a stampede, live while it runs, and the list of runs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_safe

from sales.models import Attempt, Event, Outcome, Stampede, StampedeState
from sales.stampede.report import oversold_so_far, summarise
from sales.views.timelines import histogram, timeline

__all__ = ["latest", "live", "scoreboard", "stampedes"]

_LISTED = 50
_OVER = (StampedeState.FINISHED, StampedeState.INCOMPLETE)


@require_safe
def stampedes(request: HttpRequest) -> HttpResponse:
    """List the newest runs that the visitor may see."""
    runs = _visible(request).select_related("event", "seat").order_by("-created_at")[:_LISTED]
    return render(request, "sales/stampede_list.html", {"runs": list(runs)})


@require_safe
def latest(request: HttpRequest) -> HttpResponse:
    """Lead to the newest run."""
    newest = _visible(request).order_by("-created_at").first()
    if newest is None:
        raise Http404("There has been no stampede yet.")
    return redirect("sales:stampede", newest.pk)


@require_safe
def scoreboard(request: HttpRequest, stampede_id: UUID) -> HttpResponse:
    """Show a run: what was sold, who was told what, and what the witness says."""
    board = _board(_find(request, stampede_id))
    response = render(request, "sales/stampede.html", board)
    add_never_cache_headers(response)
    return response


@require_safe
def live(request: HttpRequest, stampede_id: UUID) -> HttpResponse:
    """Return the figures, and the scoreboard as the page draws it, as JSON for polling."""
    board = _board(_find(request, stampede_id))
    response = JsonResponse(
        {
            "state": board["stampede"].state,
            "over": board["over"],
            "done": board["done"],
            "figures": board["figures"],
            "html": render_to_string("sales/scoreboard.html", board, request),
        }
    )
    add_never_cache_headers(response)
    return response


def _visible(request: HttpRequest) -> QuerySet[Stampede]:
    return Stampede.objects.filter(event__in=Event.objects.visible_to(request.user))


def _find(request: HttpRequest, stampede_id: UUID) -> Stampede:
    return get_object_or_404(
        _visible(request).select_related("event__organisation", "seat"), pk=stampede_id
    )


def _board(stampede: Stampede) -> dict[str, Any]:
    """Gather what the scoreboard shows: the report if there is one, else what is known so far."""
    attempts = list(Attempt.objects.filter(stampede=stampede).order_by("number"))
    figures = stampede.report or _so_far(stampede, attempts)
    counts = [(outcome.value, outcome.label, figures.get(key, 0)) for outcome, key in _OUTCOME_KEYS]
    return {
        "stampede": stampede,
        "event": stampede.event,
        "figures": figures,
        "regions": sorted(figures["regions"].items()),
        "witness": figures.get("witness"),
        "over": stampede.state in _OVER,
        "done": sum(each.outcome != Outcome.PENDING for each in attempts),
        "legend": [each for each in counts if each[2]],
        "timeline": timeline(attempts, starts_at=stampede.starts_at),
        "histogram": histogram(attempts),
    }


_OUTCOME_KEYS = (
    (Outcome.CONFIRMED, "confirmed"),
    (Outcome.REJECTED, "rejected"),
    (Outcome.ERROR, "errors"),
    (Outcome.UNKNOWN, "unknown"),
)


def _so_far(stampede: Stampede, attempts: list[Attempt]) -> dict[str, Any]:
    """Count what is recorded by now, in the shape of the report; the witness has not spoken."""
    summary = summarise(attempts)
    return {
        **summary,
        "buyers": stampede.buyers,
        "oversold": oversold_so_far(attempts),
        "duration_ms": None,
        "regions": {
            region: {**summarise(here), "buyers": len(here), "duration_ms": None}
            for region in sorted({each.region for each in attempts})
            for here in [[each for each in attempts if each.region == region]]
        },
        "witness": None,
        "notes": [],
    }
