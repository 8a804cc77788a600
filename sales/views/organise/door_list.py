"""The door list: on the screen page by page, or all of it for the printer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import Role
from sales.back_office.door_list import NAME, SEAT, door_batch
from sales.models import Event
from sales.views.organise.access import event_or_404, has_role, organiser_page

__all__ = ["door_list", "printed"]

_A_PAGE = 200
_A_PIECE = 500
_ROWS = "<!--rows-->"


def _by(request: HttpRequest) -> str:
    return SEAT if request.GET.get("by") == SEAT else NAME


@require_safe
@organiser_page
def door_list(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Show who may come in, `by` name or seat, and mark who has."""
    event = event_or_404(request, event_id)
    knows = has_role(request, event, Role.BOX_OFFICE)
    by, after = _by(request) if knows else SEAT, request.GET.get("after", "")
    page = door_batch(event_id=event.pk, by=by, after=after, size=_A_PAGE, knows=knows)
    context = {"event": event, "by": by, "after": after, "page": page, "knows": knows}
    return render(request, "sales/organise/door_list.html", context)


@require_safe
@organiser_page
def printed(request: HttpRequest, event_id: UUID) -> StreamingHttpResponse:
    """Return the whole list as one page to print."""
    event = event_or_404(request, event_id)
    knows = has_role(request, event, Role.BOX_OFFICE)
    by = _by(request) if knows else SEAT
    context = {"event": event, "by": by, "now": timezone.now(), "rows": _ROWS}
    frame = render_to_string("sales/organise/door_list_print.html", context, request=request)
    return StreamingHttpResponse(_pieces(frame, event, by, knows))


def _pieces(frame: str, event: Event, by: str, knows: bool) -> Iterator[str]:
    head, _, foot = frame.partition(_ROWS)
    yield head
    after: str | None = ""
    while after is not None:
        page = door_batch(event_id=event.pk, by=by, after=after, size=_A_PIECE, knows=knows)
        context: dict[str, Any] = {"tickets": page.rows, "by": by}
        yield render_to_string("sales/organise/door_rows.html", context)
        after = page.following or None
    yield foot
