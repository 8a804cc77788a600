"""The scoreboard of a stampede, live while it runs, and the list of runs."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_safe

from sales.models import Attempt, Event, Outcome, Seat, Shape, Stampede
from sales.stampede.contenders import contender_named
from sales.stampede.options import options_of
from sales.stampede.ordering import events_for_stampedes, may_stop
from sales.stampede.report import oversold_so_far, summarise
from sales.stampede.settling import SETTLED
from sales.views.timelines import histogram, timeline

__all__ = ["find_run", "latest", "live", "scoreboard", "stampedes", "visible_runs"]

_LISTED = 50
# Seats that are offered to look at: those that most buyers wanted.
_MOST_WANTED = 12


@require_safe
def stampedes(request: HttpRequest) -> HttpResponse:
    """List the newest runs that the visitor may see."""
    runs = visible_runs(request).select_related("event", "seat").order_by("-created_at")[:_LISTED]
    may_start = events_for_stampedes(request.user).exists()
    context = {"runs": list(runs), "may_start": may_start}
    return render(request, "sales/stampede_list.html", context)


@require_safe
def latest(request: HttpRequest) -> HttpResponse:
    """Lead to the newest run."""
    newest = visible_runs(request).order_by("-created_at").first()
    if newest is None:
        raise Http404("There has been no stampede yet.")
    return redirect("sales:stampede", newest.pk)


@require_safe
def scoreboard(request: HttpRequest, stampede_id: UUID) -> HttpResponse:
    """Show a run: what was sold, who was told what, and what the witness says."""
    board = _board(find_run(request, stampede_id), request.GET.get("seat", ""))
    running = not board["over"]
    board["may_stop"] = running and may_stop(request.user, board["stampede"])
    response = render(request, "sales/stampede.html", board)
    add_never_cache_headers(response)
    return response


@require_safe
def live(request: HttpRequest, stampede_id: UUID) -> HttpResponse:
    """Return the figures, and the scoreboard as the page draws it, as JSON for polling."""
    board = _board(find_run(request, stampede_id), request.GET.get("seat", ""))
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


def visible_runs(request: HttpRequest) -> QuerySet[Stampede]:
    """Return the runs at events that the visitor may see."""
    return Stampede.objects.filter(event__in=Event.objects.visible_to(request.user))


def find_run(request: HttpRequest, stampede_id: UUID) -> Stampede:
    """Return a run that the visitor may see; raises Http404."""
    return get_object_or_404(
        visible_runs(request).select_related("event__organisation", "seat"), pk=stampede_id
    )


def _board(stampede: Stampede, seat: str) -> dict[str, Any]:
    """Gather what the scoreboard shows: the report if there is one, else what is known so far.

    `seat` names the one whose attempts are drawn, where the buyers want different ones.
    """
    attempts = list(Attempt.objects.filter(stampede=stampede).order_by("number"))
    figures = stampede.report or _so_far(stampede, attempts)
    contender = contender_named(stampede.contender)
    seats = _most_wanted(attempts) if stampede.shape != Shape.ONE_SEAT else []
    chosen = next((each for each in seats if str(each["id"]) == seat), None)
    drawn = [each for each in attempts if chosen is None or each.seat_id == chosen["id"]]
    counts = [(outcome.value, outcome.label, figures.get(key, 0)) for outcome, key in _OUTCOME_KEYS]
    return {
        "stampede": stampede,
        "event": stampede.event,
        "figures": figures,
        "regions": sorted(figures["regions"].items()),
        "witness": figures.get("witness"),
        "over": stampede.state in SETTLED,
        "done": sum(each.outcome != Outcome.PENDING for each in attempts),
        "legend": [each for each in counts if each[2]],
        "contender": contender,
        "store": contender.describe(options_of(stampede)),
        "seats": seats,
        "chosen": chosen,
        "timeline": timeline(drawn, starts_at=stampede.starts_at),
        "histogram": histogram(attempts),
    }


def _most_wanted(attempts: list[Attempt]) -> list[dict[str, Any]]:
    """Return the seats that most buyers wanted last: id, label, how many they were."""
    wanted = Counter(each.seat_id for each in attempts if each.seat_id)
    most = wanted.most_common(_MOST_WANTED)
    seats = Seat.objects.in_bulk([seat_id for seat_id, _ in most])
    return [
        {"id": seat_id, "label": str(seats[seat_id]), "buyers": buyers}
        for seat_id, buyers in most
        if seat_id in seats
    ]


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
