"""What an event took: by day, by category and price type, as a page and as a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from sales.back_office.exports import Cell
from sales.back_office.files import as_csv
from sales.back_office.reports import Report, report_of
from sales.views.organise.access import event_or_404, organiser_page
from sales.views.organise.charts import columns
from worldseat.money import as_decimal, format_money

__all__ = ["report_csv", "reports"]

COLUMNS = (
    *("day", "category", "price_type", "tickets_sold", "tickets_returned"),
    *("gross", "fees", "refunds", "net", "currency"),
)


@require_safe
@organiser_page
def reports(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Show what the event took, and that it is what the ledger says."""
    event = event_or_404(request, event_id)
    report = report_of(event_id=event.pk)
    days = report.by_day()
    bars = [
        (f"{day:%-d %b}", each.net_minor, f"{day}: {format_money(each.net_minor, event.currency)}")
        for day, each in days.items()
    ]
    context = {
        "event": event,
        "report": report,
        "total": report.total(),
        "days": days.items(),
        "categories": report.by_category().items(),
        "chart": columns(bars[-60:], unit=event.currency),
    }
    return render(request, "sales/organise/reports.html", context)


@require_safe
@organiser_page
def report_csv(request: HttpRequest, event_id: UUID) -> StreamingHttpResponse:
    """Return the report's lines as CSV."""
    event = event_or_404(request, event_id)
    return StreamingHttpResponse(
        as_csv(COLUMNS, _rows(report_of(event_id=event.pk))),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{event.slug}-report.csv"'},
    )


def _rows(report: Report) -> Iterator[Sequence[Cell]]:
    for key, amounts in report.lines.items():
        money = (
            *(amounts.gross_minor, amounts.fees_minor),
            *(amounts.refunds_minor, amounts.net_minor),
        )
        yield (
            key.day.isoformat(),
            key.category,
            key.price_type,
            amounts.sold,
            amounts.returned,
            *(as_decimal(minor, key.currency) for minor in money),
            key.currency,
        )
