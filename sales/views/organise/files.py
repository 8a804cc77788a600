"""Lists as files to take away: CSV and Excel, streamed, however long."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

import xlsxwriter
from django.http import FileResponse, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from sales.back_office.exports import DOOR_LIST, ORDERS, TICKETS, Cell, Columns, rows_of
from sales.models import Event
from sales.views.organise.access import event_or_404, organiser_page

__all__ = [
    "as_csv",
    "csv_of",
    "door_csv",
    "door_xlsx",
    "orders_csv",
    "orders_xlsx",
    "tickets_csv",
    "tickets_xlsx",
]

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_BOM = "\ufeff"
# How many lines go into one piece of the answer.
_A_PIECE = 200
# What a spreadsheet would take for the beginning of a formula, whoever wrote it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, line: str) -> str:
        return line


def as_csv(columns: Columns, rows: Iterable[Sequence[Cell]], *, bom: bool = True) -> Iterator[str]:
    """Yield a CSV file in pieces (RFC 4180, UTF-8), its names first.

    With `bom`, Excel knows that it is UTF-8; without, programs need not know of it. A text that a
    spreadsheet would take for a formula has an apostrophe before it (OWASP, CSV injection).
    """
    writer = csv.writer(_Echo())
    piece = [_BOM if bom else "", writer.writerow(columns)]
    for row in rows:
        piece.append(writer.writerow([guarded(cell) for cell in row]))
        if len(piece) >= _A_PIECE:
            yield "".join(piece)
            piece = []
    yield "".join(piece)


def guarded(cell: Cell) -> Cell:
    """Return a cell that no spreadsheet takes for a formula; numbers stay numbers."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def as_xlsx(columns: Columns, rows: Iterable[Sequence[Cell]], file: Any) -> None:
    """Write a workbook of one sheet to a file, row by row: what is written is not kept."""
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(file, options) as book:
        sheet = book.add_worksheet()
        sheet.freeze_panes(1, 0)
        bold = book.add_format({"bold": True})
        for at, name in enumerate(columns):
            sheet.write_string(0, at, name, bold)
        for line, row in enumerate(rows, start=1):
            for at, cell in enumerate(row):
                if isinstance(cell, str):
                    sheet.write_string(line, at, cell)
                elif cell is not None:
                    sheet.write_number(line, at, cell)


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
        how = {"by": request.GET.get("by", "name")} if columns is DOOR_LIST else {}
        return answer(event, columns, name=name, **how)

    return page


orders_csv = _page(csv_of, ORDERS, "orders")
orders_xlsx = _page(_xlsx_of, ORDERS, "orders")
tickets_csv = _page(csv_of, TICKETS, "tickets")
tickets_xlsx = _page(_xlsx_of, TICKETS, "tickets")
door_csv = _page(csv_of, DOOR_LIST, "door-list")
door_xlsx = _page(_xlsx_of, DOOR_LIST, "door-list")
