"""What an event took, and its orders as a file, for programs of the organiser's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.permissions import HasScope
from accounts.models import Role
from sales.back_office.access import RoleTooLow, own_event
from sales.back_office.discretion import knows_fans_in
from sales.back_office.exports import ORDERS, rows_of
from sales.back_office.files import as_csv
from sales.back_office.reports import Amounts, Report, report_of
from sales.events import EventNotFound
from sales.models import Event
from worldseat.api.money import Money, money
from worldseat.api.problems import not_found
from worldseat.api.schema import problems
from worldseat.api.views import APIView

__all__ = ["EventOrdersView", "EventReportView"]


class ReportAmountsOut(serializers.Serializer[Any]):
    """Tickets and money: `gross` is all that was asked for, `fees` what of it are fees."""

    tickets_sold = serializers.IntegerField(help_text="Less those that were exchanged away.")
    tickets_returned = serializers.IntegerField()
    gross = Money()
    fees = Money()
    refunds = Money(help_text="What went back.")
    net = Money(help_text="`gross` less `refunds`.")


class EventReportLineOut(ReportAmountsOut):
    """A day's (UTC) sales of a category at a price type."""

    day = serializers.DateField()
    category = serializers.CharField()
    price_type = serializers.CharField(help_text="Empty: the full price.")


class EventReportOut(serializers.Serializer[Any]):
    """An event's report: the lines' sum is `total`, whose `net` is what the ledger says."""

    event = serializers.UUIDField()
    total = ReportAmountsOut()
    ledger = Money()
    lines = EventReportLineOut(many=True)


def _own(request: Request, event_id: UUID) -> Event:
    try:
        return own_event(event_id=event_id, user=request.user, role=Role.VIEWER)
    except (EventNotFound, RoleTooLow):
        raise not_found() from None


class EventReportView(APIView):
    """What an event took."""

    permission_classes = (HasScope("reports:read", role=Role.VIEWER),)

    @extend_schema(
        operation_id="get_event_report",
        tags=["Organisers"],
        responses={
            200: EventReportOut,
            **problems("not-authenticated", "permission-denied", "not-found"),
        },
    )
    def get(self, request: Request, event_id: UUID) -> Response:
        """Report by day (UTC), category and price type what was sold and what went back."""
        event = _own(request, event_id)
        report = report_of(event_id=event.pk)
        return Response(EventReportOut(_told(event, report)).data)


def _told(event: Event, report: Report) -> dict[str, Any]:
    return {
        "event": event.pk,
        "total": _amounts(report.total(), event.currency),
        "ledger": money(report.ledger_minor, event.currency),
        "lines": list(_lines(report)),
    }


def _lines(report: Report) -> Iterator[dict[str, Any]]:
    for key, amounts in report.lines.items():
        about = {"day": key.day, "category": key.category, "price_type": key.price_type}
        yield {**about, **_amounts(amounts, key.currency)}


def _amounts(amounts: Amounts, currency: str) -> dict[str, Any]:
    return {
        "tickets_sold": amounts.sold,
        "tickets_returned": amounts.returned,
        "gross": money(amounts.gross_minor, currency),
        "fees": money(amounts.fees_minor, currency),
        "refunds": money(amounts.refunds_minor, currency),
        "net": money(amounts.net_minor, currency),
    }


class EventOrdersView(APIView):
    """An event's orders, all of them."""

    permission_classes = (HasScope("orders:read", role=Role.VIEWER),)

    @extend_schema(
        operation_id="export_event_orders",
        tags=["Organisers"],
        responses={
            (200, "text/csv"): OpenApiTypes.STR,
            **problems("not-authenticated", "permission-denied", "not-found"),
        },
    )
    def get(self, request: Request, event_id: UUID) -> Any:
        """Stream the orders of an event as CSV (RFC 4180, UTF-8 without a mark), the oldest first.

        Its columns are described in docs/organising.md; new ones are added at the end. Viewers
        get customers masked; API keys as they are.
        """
        event = _own(request, event_id)
        knows = event.organisation_id in knows_fans_in(request.user)
        return StreamingHttpResponse(
            as_csv(ORDERS, rows_of(ORDERS, event_id=event.pk, knows=knows), bom=False),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{event.slug}-orders.csv"'},
        )
