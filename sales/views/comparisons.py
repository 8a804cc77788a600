"""Contenders side by side: runs that differ in the store alone."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_safe

from sales.models import Stampede
from sales.stampede.comparison import summarise_runs
from sales.stampede.contenders import CONTENDERS
from sales.stampede.likeness import alike, command_of
from sales.views.stampedes import find_run, visible_runs

__all__ = ["comparison"]

# Runs that are looked through for those that are alike.
_LOOKED_AT = 500


@require_safe
def comparison(request: HttpRequest, stampede_id: UUID | None = None) -> HttpResponse:
    """Show every contender's runs that are like one run, or like the newest."""
    settled = visible_runs(request).filter(report__isnull=False).select_related("event", "seat")
    newest = settled.prefetch_related("regions").order_by("-created_at")[:_LOOKED_AT]
    one = find_run(request, stampede_id) if stampede_id else next(iter(newest), None)
    if one is None:
        raise Http404("There has been no stampede yet.")
    runs = alike(one, newest)
    rows = sorted(
        summarise_runs([run.report for run in runs if run.report]),
        key=lambda row: list(CONTENDERS).index(row["contender"]),
    )
    context = {
        "stampede": one,
        "rows": [_drawn(row, runs) for row in rows],
        "command": command_of(one),
        "runs": len(runs),
    }
    response = render(request, "sales/comparison.html", context)
    add_never_cache_headers(response)
    return response


def _drawn(row: dict[str, Any], runs: list[Stampede]) -> dict[str, Any]:
    """Add the newest run, and the share of runs that oversold, in percent."""
    newest = next(run for run in runs if run.contender == row["contender"])
    share = 100 * row["runs_oversold"] / row["runs"]
    return {**row, "newest": newest, "oversold_share": round(share, 1)}
