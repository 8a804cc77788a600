"""Venues and events for organisers' programs: made, changed, published, paused, closed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.permissions import ORGANISATION, ByMethod, HasScope, organisation_of
from accounts.models import Role
from sales.api.organiser_serializers import (
    DuplicatedOut,
    DuplicateIn,
    EventChangeIn,
    EventIn,
    JobOut,
    OrganiserEventOut,
    VenueIn,
    VenueListOut,
)
from sales.api.serializers import VenueOut
from sales.back_office.access import RoleTooLow, own_event
from sales.events import EventNotFound
from sales.models import Event
from sales.organising.event_copies import duplicate_event
from sales.organising.event_refunds import begin_refunds
from sales.organising.event_rules import BadEvent, change_event, create_event
from sales.organising.event_states import NotReady, WrongState, move_event
from sales.organising.rights import VenueNotFound
from sales.organising.venue_plans import BadVenue, add_venue, venues_of
from sales.organising.working import set_going
from sales.tasks import bulk_job
from worldseat.api.problems import Problem, invalid, not_found
from worldseat.api.schema import problems
from worldseat.api.views import APIView, ListAPIView

__all__ = [
    "READS",
    "WRITES",
    "OrganiserDuplicateView",
    "OrganiserEventView",
    "OrganiserEventsView",
    "OrganiserMoveView",
    "OrganiserVenuesView",
    "refused",
]

READS = HasScope("events:read", role=Role.VIEWER)
WRITES = HasScope("events:write", role=Role.MANAGER)

_ROLE = Problem(403, "permission-denied", "Only a manager may do this. Nothing was changed.")


def refused(error: Exception) -> Problem:
    """Return what a client is told of a refusal of the domain's."""
    if isinstance(error, RoleTooLow):
        return _ROLE
    if isinstance(error, BadEvent):
        return invalid(error.errors)
    if isinstance(error, WrongState):
        return Problem(409, "wrong-state", str(error), state=error.state)
    if isinstance(error, NotReady):
        return Problem(409, "not-ready", f"{error} Nothing was changed.")
    return not_found()


_TIMES = {
    "starts_at": "2027-03-01T19:00:00Z",
    "on_sale_at": "2027-01-10T09:00:00Z",
    "off_sale_at": "2027-03-01T18:00:00Z",
}
_VENUE = "3c0c2a5e-6e3b-4d0e-9c0e-0a1f2b3c4d5e"

_REFUSALS = (RoleTooLow, BadEvent, WrongState, NotReady, EventNotFound, VenueNotFound)


class OrganiserVenuesView(APIView):
    """The venues of the organisation."""

    permission_classes = (ByMethod(read=READS, write=WRITES),)

    @extend_schema(
        operation_id="list_venues",
        tags=["Organisers"],
        responses={200: VenueListOut, **problems("not-authenticated", "permission-denied")},
    )
    def get(self, request: Request) -> Response:
        """List the venues of your organisations, by name."""
        listed = venues_of(request.user).order_by("name", "pk")[:1000]
        return Response({"results": VenueOut(listed, many=True).data})

    @extend_schema(
        operation_id="create_venue",
        tags=["Organisers"],
        request=VenueIn,
        parameters=[ORGANISATION],
        responses={
            201: VenueOut,
            **problems("invalid", "not-authenticated", "permission-denied", "not-found"),
        },
        examples=[
            OpenApiExample("A venue", {"name": "Town Hall", "city": "Lisbon"}, request_only=True)
        ],
    )
    def post(self, request: Request) -> Response:
        """Make a venue."""
        given = VenueIn(data=request.data)
        given.is_valid(raise_exception=True)
        organisation = organisation_of(request)
        fields = {"city": "", "time_zone": "UTC", **given.validated_data}
        try:
            made = add_venue(
                organisation_id=organisation.pk, user=request.user, now=timezone.now(), **fields
            )
        except BadVenue as error:
            raise invalid(error.errors) from None
        except RoleTooLow:
            raise _ROLE from None
        return Response(VenueOut(made).data, status=201)


class OrganiserEventsView(ListAPIView[Event]):
    """The events of the organisation, drafts too."""

    permission_classes = (ByMethod(read=READS, write=WRITES),)
    serializer_class = OrganiserEventOut
    ordering = "starts_at"
    queryset = Event.objects.none()

    @extend_schema(
        operation_id="list_own_events",
        tags=["Organisers"],
        responses={
            200: OrganiserEventOut(many=True),
            **problems("invalid", "not-authenticated", "permission-denied"),
        },
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the events of your organisations, the next one first."""
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Event]:
        """Return them, with all that is shown."""
        own = venues_of(self.request.user).values("pk")
        events = Event.objects.filter(venue__in=own).select_related("organisation", "venue")
        return events.prefetch_related("categories__price_types")

    @extend_schema(
        operation_id="create_event",
        tags=["Organisers"],
        request=EventIn,
        responses={
            201: OrganiserEventOut,
            **problems("invalid", "not-authenticated", "permission-denied", "not-found"),
        },
        examples=[
            OpenApiExample(
                "A draft",
                {"venue": _VENUE, "name": "Premiere", "currency": "EUR", **_TIMES},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        """Make an event at a venue: a draft without seats."""
        given = EventIn(data=request.data)
        given.is_valid(raise_exception=True)
        fields = dict(given.validated_data)
        try:
            made = create_event(
                venue_id=fields.pop("venue"),
                user=request.user,
                currency=fields.pop("currency"),
                fields=fields,
                now=timezone.now(),
            )
        except _REFUSALS as error:
            raise refused(error) from None
        return Response(OrganiserEventOut(made).data, status=201)


class OrganiserEventView(APIView):
    """An event of the organisation."""

    permission_classes = (ByMethod(read=READS, write=WRITES),)

    @extend_schema(
        operation_id="get_own_event",
        tags=["Organisers"],
        responses={
            200: OrganiserEventOut,
            **problems("not-authenticated", "permission-denied", "not-found"),
        },
    )
    def get(self, request: Request, event_id: UUID) -> Response:
        """Return an event with its rules."""
        try:
            found = own_event(event_id=event_id, user=request.user)
        except EventNotFound as error:
            raise refused(error) from None
        return Response(OrganiserEventOut(found).data)

    @extend_schema(
        operation_id="change_event",
        tags=["Organisers"],
        request=EventChangeIn,
        responses={
            200: OrganiserEventOut,
            **problems("invalid", "not-authenticated", "permission-denied", "not-found"),
        },
        examples=[OpenApiExample("A lower limit", {"limit_per_fan": 2}, request_only=True)],
    )
    def patch(self, request: Request, event_id: UUID) -> Response:
        """Change some fields of an event; what is left out stays."""
        given = EventChangeIn(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            found = change_event(
                event_id=event_id,
                user=request.user,
                fields=given.validated_data,
                now=timezone.now(),
            )
        except _REFUSALS as error:
            raise refused(error) from None
        return Response(OrganiserEventOut(found).data)


class OrganiserMoveView(APIView):
    """The state of an event."""

    permission_classes = (WRITES,)
    move = ""

    def post(self, request: Request, event_id: UUID) -> Response:
        """Move it."""
        try:
            found = move_event(
                event_id=event_id, user=request.user, move=self.move, now=timezone.now()
            )
        except _REFUSALS as error:
            raise refused(error) from None
        return Response(OrganiserEventOut(found).data)


def _move(move: str, doc: str) -> type[OrganiserMoveView]:
    """Return the view of one move."""

    class View(OrganiserMoveView):
        @extend_schema(
            operation_id=f"{move}_event",
            tags=["Organisers"],
            request=None,
            description=doc,
            responses={
                200: OrganiserEventOut,
                **problems(
                    "not-authenticated",
                    "permission-denied",
                    "not-found",
                    "wrong-state",
                    "not-ready",
                ),
            },
        )
        def post(self, request: Request, event_id: UUID) -> Response:
            return super().post(request, event_id)

    View.move = move
    View.__name__ = f"{move.title()}View"
    View.__doc__ = doc
    return View


PublishView = _move("publish", "Publish a draft that has seats; it sells in its on-sale window.")
PauseView = _move("pause", "Pause the sale; holds can still be paid.")
ResumeView = _move("resume", "Let the sale go on.")
CloseView = _move("close", "Close the event: nothing is sold any more.")
CancelView = _move(
    "cancel", "Cancel the event, for good: it does not take place, and who has tickets gets a mail."
)


class OrganiserRefundsView(APIView):
    """The money of an event that is cancelled."""

    permission_classes = (HasScope("orders:write", role=Role.MANAGER),)

    @extend_schema(
        operation_id="refund_event_orders",
        tags=["Organisers"],
        request=None,
        responses={
            202: JobOut,
            **problems("not-authenticated", "permission-denied", "not-found", "not-ready"),
        },
    )
    def post(self, request: Request, event_id: UUID) -> Response:
        """Refund all paid orders of a cancelled event; asked again, it is the job that is at it."""
        try:
            job = begin_refunds(event_id=event_id, user=request.user, now=timezone.now())
        except _REFUSALS as error:
            raise refused(error) from None
        set_going(job, send=bulk_job.delay)
        job.refresh_from_db()
        return Response(JobOut(job).data, status=202)


class OrganiserDuplicateView(APIView):
    """An event once more."""

    permission_classes = (WRITES,)

    @extend_schema(
        operation_id="duplicate_event",
        tags=["Organisers"],
        request=DuplicateIn,
        responses={
            202: DuplicatedOut,
            **problems("invalid", "not-authenticated", "permission-denied", "not-found"),
        },
        examples=[
            OpenApiExample("A week later", {"name": "Premiere, again", **_TIMES}, request_only=True)
        ],
    )
    def post(self, request: Request, event_id: UUID) -> Response:
        """Make a draft like an event; a job copies the seats, with blocks and without sales."""
        given = DuplicateIn(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            made, job = duplicate_event(
                event_id=event_id, user=request.user, now=timezone.now(), **given.validated_data
            )
        except _REFUSALS as error:
            raise refused(error) from None
        if job is not None:
            set_going(job, send=bulk_job.delay)
            job.refresh_from_db()
        return Response(DuplicatedOut({"event": made, "job": job}).data, status=202)
