"""What a scanner needs to go on without a connection: the tickets, and a way to report later."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.authentication import logged_in
from accounts.api.permissions import HasScope
from accounts.models import Role
from sales.api.door_serializers import TICKET_FIELDS, DoorNewsOut, DoorQuery, ReportIn, ReportOut
from sales.api.serializers import SeatOut
from sales.availability import BadCursor
from sales.events import EventNotFound
from sales.models import Scan, ScanReport
from sales.scanners import (
    TICKETS_A_PAGE,
    DoorTicket,
    Reported,
    ScannerSays,
    Shown,
    report_scans,
    tickets_at_door,
)
from worldseat.api.money import utc
from worldseat.api.parsing import query_of
from worldseat.api.problems import invalid, not_found
from worldseat.api.schema import problems
from worldseat.api.views import APIView

__all__ = ["DoorTicketsView", "ScanReportsView"]

_EXAMPLE = {
    "scanner": {
        "id": "0f8b3f9e-6a51-4a55-9c57-0a3d2f6a5c11",
        "name": "West 2",
        "time": "2026-11-26T19:31:04.120Z",
        "waiting": 0,
    },
    "gate": "West",
    "scans": [
        {
            "id": "7d0f6f0c-7a0c-4c7e-8a55-2f1f3c1d9b42",
            "code": "AEDUWZ3QAAX6N7OQVBVEHJGC5ZLLZ7GDV7O3S3EOBXNLW6IAAE...",
            "at": "2026-11-26T19:12:40.002Z",
            "told": "admitted",
        }
    ],
}


class ScanReportsView(APIView):
    """What a scanner saw."""

    permission_classes = (HasScope("scan", role=Role.SCANNER),)

    @extend_schema(
        operation_id="report_scans",
        tags=["Organisers"],
        request=ReportIn,
        responses={
            200: ReportOut,
            **problems("invalid", "not-authenticated", "permission-denied", "not-found"),
        },
        examples=[OpenApiExample("After a while offline", _EXAMPLE, request_only=True)],
    )
    def post(self, request: Request, event_id: UUID) -> Response:
        """Report what a scanner saw, at once or later; each scan has an answer of its own.

        Scans are known by their ids: a report that is repeated changes nothing and has the same
        answer. The first scan that is stored admits. What a scanner told people by itself stands,
        and shows as a conflict where it was wrong.
        """
        given = ReportIn(data=request.data)
        given.is_valid(raise_exception=True)
        said, now = given.validated_data, timezone.now()
        device = said["scanner"]
        try:
            reported = report_scans(
                event_id=event_id,
                user=logged_in(request),
                scanner=ScannerSays(
                    device["id"], device["name"], device["time"], device.get("waiting", 0)
                ),
                gate=said.get("gate", ""),
                scans=[
                    Shown(each["id"], each["code"], each["at"], each.get("told", ""))
                    for each in said["scans"]
                ],
                now=now,
            )
        except EventNotFound:
            raise not_found() from None
        return Response({"at": utc(now), "scans": [_reported(each) for each in reported]})


def _reported(each: Reported) -> dict[str, Any]:
    ticket = each.scan.ticket if each.scan else None
    return {
        "id": str(each.scan_id),
        "outcome": each.outcome,
        "conflict": each.conflicts,
        "ticket": str(ticket.pk) if ticket else None,
        "seat": SeatOut(ticket.seat).data if ticket else None,
        "price_type": ticket.price_type if ticket else "",
        "holder": (ticket.fan.name or ticket.fan.email) if ticket else "",
        "admission": _admission(each.admission) if each.admission else None,
    }


def _admission(scan: Scan) -> dict[str, Any]:
    report: ScanReport | None = getattr(scan, "report", None)
    return {
        "scan": str(scan.pk),
        "scanner": report.scanner.name if report else "",
        "gate": scan.gate,
        "at": utc(scan.scanned_at),
        "device_time": utc(report.device_time) if report else None,
    }


class DoorTicketsView(APIView):
    """How an event's tickets stand."""

    permission_classes = (HasScope("scan", role=Role.SCANNER),)
    query = DoorQuery

    @extend_schema(
        operation_id="list_door_tickets",
        tags=["Organisers"],
        parameters=[DoorQuery],
        responses={
            200: DoorNewsOut,
            **problems("invalid", "not-authenticated", "permission-denied", "not-found"),
        },
    )
    def get(self, request: Request, event_id: UUID) -> Response:
        """List all tickets of an event for its scanners, or what changed since a look, in pages.

        Void ones, reissued ones and those that somebody was let in with are among them: with the
        keys this is all that a scanner needs without a connection. Ask with `after` until
        `next_after` is null, then look again with the first page's `cursor`: what changed
        meanwhile is in that look.
        """
        now, asked = timezone.now(), query_of(request, DoorQuery)
        try:
            news = tickets_at_door(
                event_id=event_id,
                user=request.user,
                since=asked.get("since"),
                after=asked.get("after"),
                limit=asked.get("limit", TICKETS_A_PAGE),
                now=now,
            )
        except EventNotFound:
            raise not_found() from None
        except BadCursor as error:
            raise invalid({"since": [error.__doc__ or ""]}) from None
        body = {
            "cursor": news.cursor.encode() if news.cursor else None,
            "at": utc(now),
            "total": news.total,
            "cancelled": news.cancelled,
            "next_after": str(news.next_after) if news.next_after else None,
            "fields": TICKET_FIELDS,
            "tickets": [_row(each) for each in news.tickets],
        }
        return Response(body, headers={"Cache-Control": "private, no-store"})


def _row(each: DoorTicket) -> list[Any]:
    ticket = each.ticket
    return [
        str(ticket.pk),
        ticket.issue,
        ticket.state,
        utc(ticket.admitted_at) if ticket.admitted_at else None,
        each.where,
        ticket.seat.section,
        ticket.seat.row,
        ticket.seat.number,
        ticket.price_type,
    ]
