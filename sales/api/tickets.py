"""One ticket: as JSON, as a QR code, as a PDF; a new code for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.authentication import logged_in
from sales.api.ticket_serializers import TicketDetailOut
from sales.models import Ticket
from sales.printing import qr_svg, ticket_pdf
from sales.tickets import (
    ReissueLimit,
    TicketNotFound,
    TicketUsed,
    TicketVoid,
    reissue,
    visible_ticket,
)
from worldseat.api.money import utc
from worldseat.api.problems import Problem, not_found
from worldseat.api.schema import problems
from worldseat.api.views import APIView

__all__ = ["TicketPDFView", "TicketQRView", "TicketReissueView", "TicketView"]

T = TypeVar("T")

# Whoever has the code gets in: no cache keeps it.
_SECRET = {"Cache-Control": "private, no-store"}


def _or_problem(work: Callable[[], T]) -> T:
    """Do one thing with a ticket; raises Problem."""
    try:
        return work()
    except TicketNotFound:
        raise not_found() from None
    except TicketVoid as refusal:
        at = utc(refusal.voided_at) if refusal.voided_at else None
        raise Problem(409, "ticket-void", f"{refusal}", voided_at=at) from None
    except TicketUsed as refusal:
        detail = "Somebody was let in with this ticket already. Nothing was changed."
        at = utc(refusal.admitted_at) if refusal.admitted_at else None
        raise Problem(409, "already-admitted", detail, admitted_at=at) from None
    except ReissueLimit as refusal:
        raise Problem(409, "reissue-limit", f"{refusal} Nothing was changed.") from None


def _visible(request: Request, ticket_id: UUID) -> Ticket:
    return _or_problem(lambda: visible_ticket(ticket_id=ticket_id, user=logged_in(request)))


class TicketView(APIView):
    """One ticket."""

    @extend_schema(
        operation_id="get_ticket",
        tags=["Fans"],
        responses={200: TicketDetailOut, **problems("not-authenticated", "not-found")},
    )
    def get(self, request: Request, ticket_id: UUID) -> Response:
        """Return a ticket with its code: one's own, or one of one's box office."""
        return Response(TicketDetailOut(_visible(request, ticket_id)).data, headers=_SECRET)


class TicketQRView(APIView):
    """The QR code of a ticket."""

    @extend_schema(
        operation_id="get_ticket_qr",
        tags=["Fans"],
        responses={
            (200, "image/svg+xml"): OpenApiTypes.STR,
            **problems("not-authenticated", "not-found", "ticket-void"),
        },
    )
    def get(self, request: Request, ticket_id: UUID) -> HttpResponse:
        """Draw the ticket's code; a void ticket has none."""
        ticket = _visible(request, ticket_id)
        image = _or_problem(lambda: qr_svg(ticket))
        return HttpResponse(image, content_type="image/svg+xml", headers=_SECRET)


class TicketPDFView(APIView):
    """A ticket to print."""

    @extend_schema(
        operation_id="get_ticket_pdf",
        tags=["Fans"],
        responses={
            (200, "application/pdf"): OpenApiTypes.BINARY,
            **problems("not-authenticated", "not-found"),
        },
    )
    def get(self, request: Request, ticket_id: UUID) -> HttpResponse:
        """Draw the ticket on one page; a void one says so."""
        ticket = _visible(request, ticket_id)
        name = f"ticket-{ticket.order.reference}-{str(ticket.pk)[:8]}.pdf"
        return HttpResponse(
            ticket_pdf(ticket),
            content_type="application/pdf",
            headers={**_SECRET, "Content-Disposition": f'inline; filename="{name}"'},
        )


class TicketReissueView(APIView):
    """A new code for a ticket."""

    @extend_schema(
        operation_id="reissue_ticket",
        tags=["Fans"],
        request=None,
        responses={
            200: TicketDetailOut,
            **problems(
                "not-authenticated",
                "permission-denied",
                "not-found",
                "ticket-void",
                "already-admitted",
                "reissue-limit",
            ),
        },
    )
    def post(self, request: Request, ticket_id: UUID) -> Response:
        """Give the ticket a new code: the old one, wherever it is, lets nobody in any more."""
        ticket = _or_problem(
            lambda: reissue(ticket_id=ticket_id, user=logged_in(request), now=timezone.now())
        )
        return Response(TicketDetailOut(ticket).data, headers=_SECRET)
