"""A job on many seats: its preview, its progress, its results."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    JsonResponse,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from sales.back_office.access import RoleTooLow
from sales.models import BulkJob, JobKind, JobState
from sales.organising.event_states import NotReady
from sales.organising.jobs import JobStarted, discard_job, stop_job
from sales.organising.rights import JobNotFound, may_manage, visible_job
from sales.organising.seat_jobs import preview_of, results_of
from sales.organising.working import start_job
from sales.tasks import bulk_job
from sales.views.organise.access import organiser_page

__all__ = ["discard", "job", "progress", "results", "start", "stop"]

_REFUSED_SHOWN = 200
_COLUMNS = ("section", "row", "number", "outcome", "reason", "seat")


@require_safe
@organiser_page
def job(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Show a job: what it would do, how far it is, or what it has done."""
    found = _job_or_404(request, job_id)
    context: dict[str, Any] = {
        "job": found,
        "event": found.event,
        "live": _live(found),
        "changes": may_manage(request.user, found.organisation_id),
    }
    if found.state == JobState.PREVIEW and found.kind == JobKind.SEATS:
        counts = preview_of(job_id=found.pk, user=request.user, now=timezone.now())
        context["preview"] = _lines(counts)
    return render(request, "sales/organise/job.html", context)


def _job_or_404(request: HttpRequest, job_id: UUID) -> BulkJob:
    try:
        return visible_job(job_id=job_id, user=request.user)
    except JobNotFound as error:
        raise Http404(str(error)) from None


def _live(found: BulkJob) -> str:
    """Draw the part of the page that changes."""
    context = {"job": found, "lines": _lines(found.report), "refused": _refused(found)}
    return render_to_string("sales/organise/job_live.html", context)


def _lines(counts: dict[str, int]) -> list[dict[str, Any]]:
    """Return outcome, reason and number, the changed first."""
    order = ("changed", "added", "removed", "unchanged", "stays", "refused")
    lines = []
    for name, number in counts.items():
        outcome, _, reason = name.partition(": ")
        lines.append({"outcome": outcome, "reason": reason, "number": number})
    return sorted(
        lines,
        key=lambda line: (
            order.index(line["outcome"]) if line["outcome"] in order else len(order),
            line["reason"],
        ),
    )


def _refused(found: BulkJob) -> list[dict[str, str]]:
    """Return the first seats that were refused, once it is over."""
    if not found.is_over or not any(name.startswith(("refused", "stays")) for name in found.report):
        return []
    listed: list[dict[str, str]] = []
    for each in results_of(found):
        if each["outcome"] in {"refused", "stays"}:
            listed.append(each)
            if len(listed) == _REFUSED_SHOWN:
                break
    return listed


@require_safe
@organiser_page
def progress(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Tell how far a job is, as JSON: numbers, and the part of its page that changes."""
    found = _job_or_404(request, job_id)
    return JsonResponse(
        {
            "state": found.state,
            "done": found.done,
            "total": found.total,
            "over": found.is_over,
            "html": _live(found),
        }
    )


class _Line:
    """What csv.writer writes to: it hands the line back."""

    def write(self, line: str) -> str:
        return line


@require_safe
@organiser_page
def results(request: HttpRequest, job_id: UUID) -> HttpResponseBase:
    """Download what came of each seat, as CSV, batch by batch."""
    found = _job_or_404(request, job_id)
    writer = csv.writer(_Line())

    def lines() -> Iterator[str]:
        yield writer.writerow(_COLUMNS)
        for each in results_of(found):
            yield writer.writerow([_cell(each.get(column, "")) for column in _COLUMNS])

    response = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="seats-{found.pk}.csv"'
    return response


def _cell(text: str) -> str:
    """Keep a spreadsheet from taking a name for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "@", "\t")) else text


@require_POST
@organiser_page
def start(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Start a previewed job, and lead to its progress."""
    found = _job_or_404(request, job_id)
    try:
        start_job(job_id=found.pk, user=request.user, now=timezone.now(), send=bulk_job.delay)
    except RoleTooLow:
        raise PermissionDenied from None
    except JobStarted:
        messages.info(request, "It was started already.")
    except NotReady as error:
        messages.error(request, str(error))
    return redirect("sales:organise-job", found.pk)


@require_POST
@organiser_page
def stop(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Let a job go no further, and lead back to it."""
    found = _job_or_404(request, job_id)
    try:
        stop_job(job_id=found.pk, user=request.user, now=timezone.now())
    except RoleTooLow:
        raise PermissionDenied from None
    return redirect("sales:organise-job", found.pk)


@require_POST
@organiser_page
def discard(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Throw a preview away, and lead back to the seats."""
    found = _job_or_404(request, job_id)
    try:
        discard_job(job_id=found.pk, user=request.user)
    except RoleTooLow:
        raise PermissionDenied from None
    except JobStarted:
        messages.info(request, "It was started already.")
        return redirect("sales:organise-job", found.pk)
    messages.info(request, "Nothing was changed.")
    if found.event_id:
        return redirect("sales:organise-seats", found.event_id)
    return redirect("sales:organise")
