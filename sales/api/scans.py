"""The door: a scan, the keys to check codes without us, the codes to refuse."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.authentication import logged_in
from accounts.api.permissions import HasScope
from accounts.models import Role
from sales.api.answers import KEY_REUSED, request_key, respond
from sales.api.serializers import SeatOut
from sales.api.ticket_serializers import (
    JWKSetOut,
    RefusedQuery,
    RefusedTicketOut,
    ScanIn,
    ScanOut,
)
from sales.events import EventNotFound
from sales.idempotency import Answer, Keyed, KeyReused
from sales.models import Scan, ScanOutcome, Ticket
from sales.scanning import Verdict, admit
from sales.ticket_codes import BadCode, TicketCode, public_keys, read_code
from sales.tickets import TicketNotFound, refused_tickets
from worldseat.api.idempotency import HEADER
from worldseat.api.money import utc
from worldseat.api.pagination import PAGE_PARAMETERS
from worldseat.api.parsing import query_of
from worldseat.api.problems import Problem, invalid, not_found
from worldseat.api.schema import REPLAYED_HEADER, optional_key, problems
from worldseat.api.views import APIView, ListAPIView

__all__ = ["RefusedTicketsView", "ScanKeysView", "ScanView"]

_CODE = "AEDUWZ3QAAX6N7OQVBVEHJGC5ZLLZ7GDV7O3S3EOBXNLW6IAAE..."

_REFUSALS = {
    ScanOutcome.ALREADY_ADMITTED: ("already-admitted", "Somebody was let in with this ticket."),
    ScanOutcome.VOID: ("ticket-void", "The ticket is void: it was cancelled or exchanged."),
    ScanOutcome.SUPERSEDED: (
        "ticket-superseded",
        "The ticket was reissued since: only its newest code admits.",
    ),
    ScanOutcome.OTHER_EVENT: ("other-event", "The ticket is for another event."),
    ScanOutcome.EVENT_CANCELLED: (
        "event-cancelled",
        "The event is cancelled: it does not take place.",
    ),
}


class ScanView(APIView):
    """A look at a ticket."""

    permission_classes = (HasScope("scan", role=Role.SCANNER),)

    @extend_schema(
        operation_id="scan",
        tags=["Organisers"],
        request=ScanIn,
        parameters=[
            optional_key(
                "A random text, new for each scan. The scan repeated with it, as after an answer "
                "that was lost, has the first one's answer instead of `already-admitted`."
            ),
            REPLAYED_HEADER,
        ],
        responses={
            200: ScanOut,
            **problems(
                "invalid",
                "not-authenticated",
                "permission-denied",
                "not-found",
                "already-admitted",
                "ticket-void",
                "ticket-superseded",
                "other-event",
                "event-cancelled",
                "idempotency-key-reused",
            ),
        },
        examples=[
            OpenApiExample("At the west gate", {"code": _CODE, "gate": "West"}, request_only=True)
        ],
    )
    def post(self, request: Request) -> Response:
        """Let in whoever shows a ticket's code, once; every try is logged."""
        asked = request_key(request) if HEADER in request.headers else None
        given = ScanIn(data=request.data)
        given.is_valid(raise_exception=True)
        shown = given.validated_data

        def render(verdict: Verdict) -> Answer:
            return _answer(verdict, request.path)

        try:
            done = admit(
                code=_code(shown["code"]),
                user=logged_in(request),
                scan_id=uuid4(),
                now=timezone.now(),
                gate=shown.get("gate", ""),
                event_id=shown.get("event"),
                keyed=Keyed(asked, render=render) if asked else None,
            )
        except (TicketNotFound, EventNotFound):
            raise not_found("There is no such ticket (or event) of yours.") from None
        except KeyReused:
            raise KEY_REUSED from None
        if isinstance(done, Answer):
            return respond(done, replayed=True)
        return respond(render(done))


def _code(text: str) -> TicketCode:
    try:
        return read_code(text)
    except BadCode as error:
        raise invalid({"code": [error.__doc__ or ""]}) from None


def _answer(verdict: Verdict, path: str) -> Answer:
    if verdict.admits:
        return Answer(200, _admitted(verdict.scan))
    ticket, outcome = verdict.scan.ticket, ScanOutcome(verdict.scan.outcome)
    code, detail = _REFUSALS[outcome]
    members: dict[str, Any] = {"ticket": str(ticket.pk)}
    if outcome == ScanOutcome.ALREADY_ADMITTED and ticket.admitted_at:
        members["admitted_at"] = utc(ticket.admitted_at)
        members["gate"] = verdict.admission.gate if verdict.admission else ""
    if outcome == ScanOutcome.VOID and ticket.voided_at:
        members["voided_at"] = utc(ticket.voided_at)
    return Answer(409, Problem(409, code, f"{detail} Let nobody in.", **members).body(path))


def _admitted(scan: Scan) -> dict[str, Any]:
    ticket = scan.ticket
    return {
        "outcome": scan.outcome,
        "ticket": str(ticket.pk),
        "event": str(ticket.event_id),
        "seat": SeatOut(ticket.seat).data,
        "price_type": ticket.price_type,
        "holder": ticket.fan.known_as,
        "gate": scan.gate,
        "at": utc(scan.scanned_at),
    }


class ScanKeysView(APIView):
    """The public keys."""

    permission_classes = (HasScope("scan", role=Role.SCANNER),)

    @extend_schema(
        operation_id="list_scan_keys",
        tags=["Organisers"],
        responses={200: JWKSetOut, **problems("not-authenticated", "permission-denied")},
    )
    def get(self, request: Request) -> Response:
        """Return the keys that check a ticket's code without asking us (docs/tickets.md)."""
        return Response({"keys": public_keys()}, headers={"Cache-Control": "private, no-cache"})


class RefusedTicketsView(ListAPIView[Ticket]):
    """The tickets whose codes a door without a connection has to refuse."""

    permission_classes = (HasScope("scan", role=Role.SCANNER),)
    query = RefusedQuery
    serializer_class = RefusedTicketOut
    ordering = "refused_at"
    queryset = Ticket.objects.none()

    @extend_schema(
        operation_id="list_refused_tickets",
        tags=["Organisers"],
        parameters=[RefusedQuery],
        responses={
            200: RefusedTicketOut(many=True),
            **problems("invalid", "not-authenticated", "permission-denied", "not-found"),
        },
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the tickets of an event that are void or were reissued, the latest last.

        Of an event that is cancelled: all of them, as void, whatever `since` is.
        """
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Ticket]:
        """Return the event's."""
        since = query_of(self.request, RefusedQuery, also=PAGE_PARAMETERS).get("since")
        event_id: UUID = self.kwargs["event_id"]
        try:
            return refused_tickets(event_id=event_id, user=self.request.user, since=since)
        except EventNotFound:
            raise not_found() from None
