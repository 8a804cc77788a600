"""Events and their availability."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import HttpResponse, HttpResponseBase
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from sales.api.serializers import (
    AvailabilityOut,
    AvailabilityQuery,
    EventOut,
    EventsQuery,
)
from sales.availability import Availability, BadCursor, availability
from sales.events import EventNotFound, visible_event
from sales.models import Event, EventQuerySet
from sales.occupancy import FRESH_FOR, RENEW_AFTER
from worldseat.api.conditional import conditional
from worldseat.api.pagination import PAGE_PARAMETERS
from worldseat.api.parsing import query_of
from worldseat.api.problems import invalid, not_found
from worldseat.api.schema import problems
from worldseat.api.views import APIView, ListAPIView
from worldseat.repeating import repeat

__all__ = [
    "IF_NONE_MATCH",
    "NOT_MODIFIED",
    "AvailabilityView",
    "EventListView",
    "EventView",
]

_AGE = b'"age":'

NOT_MODIFIED = OpenApiResponse(description="What If-None-Match names is still right.")
IF_NONE_MATCH = OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER)


class EventListView(ListAPIView[Event]):
    """The events one may see."""

    permission_classes = (AllowAny,)
    query = EventsQuery
    serializer_class = EventOut
    ordering = "starts_at"
    queryset = Event.objects.none()

    @extend_schema(
        operation_id="list_events",
        tags=["Fans"],
        parameters=[EventsQuery],
        responses={200: EventOut(many=True), **problems("invalid", "not-authenticated")},
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List events, the next one first."""
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> EventQuerySet:
        """Return the events that the request asks for."""
        asked = query_of(self.request, EventsQuery, also=PAGE_PARAMETERS)
        events = Event.objects.visible_to(self.request.user)
        if organisation := asked.get("organisation"):
            events = events.filter(_organisation(organisation))
        if words := asked.get("q"):
            events = events.matching(words)
        if "on_sale" in asked:
            events = events.on_sale(timezone.now(), sells=asked["on_sale"])
        return events.select_related("organisation", "venue").prefetch_related(
            "categories__price_types"
        )


def _organisation(name: str) -> Q:
    """Look for an organisation by id or slug."""
    try:
        return Q(organisation_id=UUID(name))
    except ValueError:
        return Q(organisation__slug=name)


class EventView(APIView):
    """One event."""

    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="get_event",
        tags=["Fans"],
        responses={200: EventOut, **problems("not-authenticated", "not-found")},
    )
    def get(self, request: Request, event_id: UUID) -> Response:
        """Tell of an event, and what its seats cost."""
        try:
            event = visible_event(event_id=event_id, user=request.user)
        except EventNotFound:
            raise not_found() from None
        return Response(EventOut(event).data)


class AvailabilityView(APIView):
    """Which seats of an event can be had."""

    permission_classes = (AllowAny,)
    query = AvailabilityQuery
    asks_nobody = True

    @extend_schema(
        operation_id="get_availability",
        tags=["Fans"],
        parameters=[AvailabilityQuery, IF_NONE_MATCH],
        responses={
            200: AvailabilityOut,
            304: NOT_MODIFIED,
            **problems("invalid", "not-authenticated", "not-found"),
        },
    )
    def get(self, request: Request, event_id: UUID) -> HttpResponseBase:
        """Tell which seats are not available, or with a cursor what has changed since."""
        since = query_of(request, AvailabilityQuery).get("since")
        now, user = timezone.now(), SimpleLazyObject(lambda: request.user)
        try:
            found = availability(event_id=event_id, user=user, since=since, now=now)
        except EventNotFound:
            raise not_found() from None
        except BadCursor as error:
            raise invalid({"since": [error.__doc__ or ""]}) from None
        body = _availability(found)
        meaning = [body["counts"], body["changed"]]
        answer = conditional(request, body, cache_control="private, no-cache", tagged=meaning)
        return _repeatable(answer, found)


def _repeatable(answer: HttpResponseBase, found: Availability) -> HttpResponseBase:
    """Let an answer be given again for as long as the copy that it was made from is used."""
    seconds, at_most = ((end - found.age).total_seconds() for end in (RENEW_AFTER, FRESH_FOR))
    if not isinstance(answer, HttpResponse) or seconds <= 0:
        return answer
    content, began = answer.content, time.monotonic()
    head, told, rest = content.partition(_AGE)
    _, comma, tail = rest.partition(b",")
    age = found.age.total_seconds()

    def body() -> bytes:
        if not told:  # 304
            return content
        now = round(age + time.monotonic() - began, 3)
        return b"".join((head, told, str(now).encode(), comma, tail))

    repeat(answer, seconds=seconds, at_most=at_most, body=body)
    return answer


def _availability(found: Availability) -> dict[str, Any]:
    return {
        "cursor": found.cursor.encode(),
        "age": round(found.age.total_seconds(), 3),
        "counts": [{"category": each, **counts} for each, counts in found.counts.items()],
        "changed": [{"seat": seat, "status": status} for seat, status in found.changed],
    }
