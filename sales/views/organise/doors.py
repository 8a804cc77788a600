"""How it goes at the doors, for the organiser."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from sales.back_office.doors import door_report
from sales.events import EventNotFound
from sales.views.organise.access import organiser_page

__all__ = ["doors"]


@require_safe
@organiser_page
def doors(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Show who is in, which devices scan, and where they let in whom they should not have."""
    try:
        report = door_report(event_id=event_id, user=request.user)
    except EventNotFound as error:
        raise Http404(str(error)) from None
    return render(request, "sales/organise/doors.html", {"report": report, "event": report.event})
