"""The evidence of a stampede: how it was run, how to repeat it, and every attempt as data."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_safe

from sales.models import Attempt, Stampede
from sales.stampede.contenders import contender_named
from sales.stampede.likeness import command_of
from sales.views.stampedes import find_run

__all__ = ["attempts_csv", "attempts_json", "evidence"]

# One attempt as data; times are UTC, ISO 8601.
FIELDS = (
    *("number", "region", "outcome", "detail", "seat_id", "told_order"),
    *("choices", "attempts", "conflicts", "started_at", "finished_at"),
)
_A_CHUNK = 1000


@require_safe
def evidence(request: HttpRequest, stampede_id: UUID) -> HttpResponse:
    """Show the method of a run, the machine it ran on, and the command that repeats it."""
    run = find_run(request, stampede_id)
    report = run.report or {}
    response = render(
        request,
        "sales/evidence.html",
        {
            "stampede": run,
            "event": run.event,
            "report": report,
            "contender": contender_named(run.contender),
            "command": command_of(run),
            "surroundings": sorted(report.get("surroundings", {}).items()),
            "options": sorted(_options(run)),
        },
    )
    add_never_cache_headers(response)
    return response


def _options(run: Stampede) -> Iterator[tuple[str, Any]]:
    """Yield what was asked for and is not nothing; the addresses were of that hour."""
    for name, value in run.options.items():
        if value and name != "addresses":
            shown = value.items() if isinstance(value, dict) else value
            yield name, ", ".join(map(str, shown)) if isinstance(value, dict | list) else shown


@require_safe
def attempts_json(request: HttpRequest, stampede_id: UUID) -> HttpResponse:
    """Return the run whole: what was asked for, the report, every attempt."""
    run = find_run(request, stampede_id)
    return JsonResponse(
        {
            "id": run.pk,
            "contender": run.contender,
            "shape": run.shape,
            "options": run.options,
            "report": run.report,
            "attempts": list(_attempts(run).values(*FIELDS)),
        },
        headers={"Content-Disposition": f'attachment; filename="stampede-{run.pk}.json"'},
    )


@require_safe
def attempts_csv(request: HttpRequest, stampede_id: UUID) -> StreamingHttpResponse:
    """Return every attempt, a line each."""
    run = find_run(request, stampede_id)
    return StreamingHttpResponse(
        _lines(run),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="stampede-{run.pk}.csv"'},
    )


def _attempts(run: Stampede) -> Any:
    return Attempt.objects.filter(stampede=run).order_by("number")


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, line: str) -> str:
        return line


def _lines(run: Stampede) -> Iterator[str]:
    writer = csv.writer(_Echo(), lineterminator="\n")
    yield writer.writerow(FIELDS)
    for row in _attempts(run).values_list(*FIELDS).iterator(chunk_size=_A_CHUNK):
        yield writer.writerow([_cell(value) for value in row])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    # A spreadsheet would take these for the beginning of a formula.
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
