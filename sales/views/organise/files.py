"""Lists as files to take away: CSV and Excel, streamed, however long."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import FileResponse, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from accounts.models import Role
from sales.back_office.exports import DOOR_LIST, ORDERS, TICKETS, Columns, rows_of
from sales.back_office.files import as_csv, as_xlsx
from sales.models import Event
from sales.views.organise.access import event_or_404, has_role, organiser_page

__all__ = [
    "csv_of",
    "door_csv",
    "door_xlsx",
    "orders_csv",
    "orders_xlsx",
    "tickets_csv",
    "tickets_xlsx",
]

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def csv_of(event: Event, columns: Columns, *, name: str, **how: Any) -> StreamingHttpResponse:
    """Answer with one of an event's lists as CSV."""
    bom: bool = how.pop("bom", True)
    return StreamingHttpResponse(
        as_csv(columns, rows_of(columns, event_id=event.pk, **how), bom=bom),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{event.slug}-{name}.csv"'},
    )


def _xlsx_of(event: Event, columns: Columns, *, name: str, **how: Any) -> FileResponse:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it
    as_xlsx(columns, rows_of(columns, event_id=event.pk, **how), file)
    file.seek(0)
    return FileResponse(
        file, as_attachment=True, filename=f"{event.slug}-{name}.xlsx", content_type=_XLSX
    )


Page = Callable[[HttpRequest, UUID], HttpResponseBase]


def _page(answer: Callable[..., HttpResponseBase], columns: Columns, name: str) -> Page:
    """Make the page that answers with a file, for members of the event's organisation."""

    @require_safe
    @organiser_page
    def page(request: HttpRequest, event_id: UUID) -> HttpResponseBase:
        event = event_or_404(request, event_id)
        how: dict[str, Any] = {"knows": has_role(request, event, Role.BOX_OFFICE)}
        if columns is DOOR_LIST:
            how["by"] = request.GET.get("by", "name")
        return answer(event, columns, name=name, **how)

    return page


orders_csv = _page(csv_of, ORDERS, "orders")
orders_xlsx = _page(_xlsx_of, ORDERS, "orders")
tickets_csv = _page(csv_of, TICKETS, "tickets")
tickets_xlsx = _page(_xlsx_of, TICKETS, "tickets")
door_csv = _page(csv_of, DOOR_LIST, "door-list")
door_xlsx = _page(_xlsx_of, DOOR_LIST, "door-list")
