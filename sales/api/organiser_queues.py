"""The waiting room and the waitlist of an event for organisers' programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.permissions import ByMethod, HasScope
from accounts.models import Role
from sales.api.organiser_events import READS, WRITES, refused
from sales.back_office.access import RoleTooLow
from sales.events import EventNotFound
from sales.models import EntryState, WaitlistEntry, WaitlistOrder
from sales.organising.queues import (
    BadRules,
    Draw,
    RoomFile,
    WaitlistFile,
    change_room,
    change_waitlist,
    room_file,
    waitlist_entries,
    waitlist_file,
)
from sales.waiting_room.standing import QueueState
from sales.waitlist import state_of
from worldseat.api.parsing import StrictSerializer, TextField
from worldseat.api.problems import invalid
from worldseat.api.schema import problems
from worldseat.api.views import APIView, ListAPIView

__all__ = ["OrganiserQueueView", "OrganiserWaitlistView", "WaitlistEntriesView"]

F = TypeVar("F", RoomFile, WaitlistFile)

_ALWAYS = ("not-authenticated", "permission-denied", "not-found")
_REFUSALS = (EventNotFound, RoleTooLow)
_IN_THE_ROOM = (QueueState.ADMITTED, QueueState.PASS_ENDED)


class OrganiserDrawOut(serializers.Serializer[Any]):
    """How anybody can check the order of a draw."""

    commitment = serializers.CharField(help_text="SHA-256 of the seed, shown from the beginning.")
    seed = serializers.CharField(allow_null=True, help_text="Null until `shown_from`.")
    shown_from = serializers.DateTimeField()


class RoomStatusOut(serializers.Serializer[Any]):
    """How a waiting room stands, as of a second ago; counts are of fans."""

    state = serializers.ChoiceField([each.value for each in QueueState if each not in _IN_THE_ROOM])
    joined = serializers.IntegerField()
    waiting = serializers.IntegerField()
    admitted = serializers.IntegerField(help_text="Who came for the pass.")
    abandoned = serializers.IntegerField(help_text="Who did not come when it was their turn.")
    seconds_for_last = serializers.IntegerField(
        allow_null=True, help_text="How long the last one waits; null: nobody is let in."
    )


class OrganiserQueueOut(serializers.Serializer[Any]):
    """A waiting room: its rules and how it stands."""

    is_on = serializers.BooleanField()
    is_paused = serializers.BooleanField(help_text="Nobody is let in; places are kept.")
    opens_at = serializers.DateTimeField()
    rate_per_minute = serializers.IntegerField()
    pass_seconds = serializers.IntegerField()
    policy = serializers.CharField()
    status = RoomStatusOut(allow_null=True, help_text="Null: the event never had one.")
    draw = OrganiserDrawOut(allow_null=True)


class QueueChangeIn(StrictSerializer):
    """What to change; what is left out stays, or of a new room is as GET tells."""

    is_on = serializers.BooleanField(required=False)
    is_paused = serializers.BooleanField(required=False)
    opens_at = serializers.DateTimeField(required=False)
    rate_per_minute = serializers.IntegerField(min_value=1, max_value=1_000_000, required=False)
    pass_seconds = serializers.IntegerField(min_value=60, max_value=86_400, required=False)
    policy = TextField(max_length=5000, required=False, allow_blank=True)


class WaitlistCountsOut(serializers.Serializer[Any]):
    """How many entries are in each state, and how many seats the waiting ones want."""

    waiting = serializers.IntegerField()
    offered = serializers.IntegerField()
    bought = serializers.IntegerField()
    missed = serializers.IntegerField()
    seats_wanted = serializers.IntegerField()


class OrganiserWaitlistOut(serializers.Serializer[Any]):
    """A waitlist: its rules and who is on it."""

    is_on = serializers.BooleanField()
    order = serializers.ChoiceField(WaitlistOrder.choices)
    window_seconds = serializers.IntegerField(help_text="How long a fan has to pay an offer.")
    counts = WaitlistCountsOut()
    draw = OrganiserDrawOut(allow_null=True, help_text="Where it goes by lot.")


class WaitlistChangeIn(StrictSerializer):
    """What to change; what is left out stays."""

    is_on = serializers.BooleanField(required=False)
    order = serializers.ChoiceField(WaitlistOrder.choices, required=False)
    window_seconds = serializers.IntegerField(min_value=60, max_value=604_800, required=False)


class OrganiserEntryOut(serializers.Serializer[Any]):
    """Who waits, for what, and where she stands."""

    id = serializers.UUIDField()
    state = serializers.SerializerMethodField(help_text="As it is now: an offer ends by itself.")
    name = serializers.CharField(source="fan.name")
    email = serializers.CharField(source="fan.mailbox")
    quantity = serializers.IntegerField()
    category = serializers.UUIDField(source="category_id", allow_null=True)
    joined_at = serializers.DateTimeField()
    offered_at = serializers.DateTimeField(allow_null=True)

    @extend_schema_field(serializers.ChoiceField(EntryState.choices))
    def get_state(self, entry: WaitlistEntry) -> str:
        """Return the state that the entry is in when it is asked for."""
        return str(state_of(entry, timezone.now()))


class OrganiserQueueView(APIView):
    """The waiting room of an event."""

    permission_classes = (ByMethod(read=READS, write=WRITES),)

    @extend_schema(
        operation_id="get_waiting_room",
        tags=["Organisers"],
        responses={200: OrganiserQueueOut, **problems(*_ALWAYS)},
    )
    def get(self, request: Request, event_id: UUID) -> Response:
        """Tell the rules of the waiting room and how long it is."""
        found = _asked(room_file, request, event_id)
        return Response(_room(found))

    @extend_schema(
        operation_id="change_waiting_room",
        tags=["Organisers"],
        request=QueueChangeIn,
        responses={200: OrganiserQueueOut, **problems("invalid", *_ALWAYS)},
        examples=[OpenApiExample("Let nobody in for now", {"is_paused": True}, request_only=True)],
    )
    def patch(self, request: Request, event_id: UUID) -> Response:
        """Switch the waiting room on or off, pause it, set its rate; everybody keeps her place."""
        given = QueueChangeIn(data=request.data)
        given.is_valid(raise_exception=True)
        found = _asked(change_room, request, event_id, fields=given.validated_data)
        return Response(_room(found))


def _asked(ask: Callable[..., F], request: Request, event_id: UUID, **more: Any) -> F:
    """Ask the domain for who sent the request; what it refuses becomes the problem to answer."""
    try:
        return ask(event_id=event_id, user=request.user, now=timezone.now(), **more)
    except _REFUSALS as error:
        raise refused(error) from None
    except BadRules as error:
        raise invalid(error.errors) from None


def _room(found: RoomFile) -> dict[str, Any]:
    told = {**asdict(found.rules), "status": found.status, "draw": _draw(found.draw)}
    return dict(OrganiserQueueOut(told).data)


def _draw(draw: Draw | None) -> dict[str, Any] | None:
    if draw is None:
        return None
    return {
        "commitment": draw.commitment,
        "seed": draw.seed or None,
        "shown_from": draw.shown_from,
    }


class OrganiserWaitlistView(APIView):
    """The waitlist of an event."""

    permission_classes = (ByMethod(read=READS, write=WRITES),)

    @extend_schema(
        operation_id="get_own_waitlist",
        tags=["Organisers"],
        responses={200: OrganiserWaitlistOut, **problems(*_ALWAYS)},
    )
    def get(self, request: Request, event_id: UUID) -> Response:
        """Tell the rules of the waitlist and how many wait."""
        found = _asked(waitlist_file, request, event_id)
        return Response(_waitlist(found))

    @extend_schema(
        operation_id="change_waitlist",
        tags=["Organisers"],
        request=WaitlistChangeIn,
        responses={200: OrganiserWaitlistOut, **problems("invalid", *_ALWAYS)},
        examples=[
            OpenApiExample(
                "By lot, with two hours to pay",
                {"is_on": True, "order": "lottery", "window_seconds": 7200},
                request_only=True,
            )
        ],
    )
    def patch(self, request: Request, event_id: UUID) -> Response:
        """Switch the waitlist on or off, or change its rules; offers stay as they are."""
        given = WaitlistChangeIn(data=request.data)
        given.is_valid(raise_exception=True)
        found = _asked(change_waitlist, request, event_id, fields=given.validated_data)
        return Response(_waitlist(found))


def _waitlist(found: WaitlistFile) -> dict[str, Any]:
    told = {**asdict(found.rules), "counts": found.counts, "draw": _draw(found.draw)}
    return dict(OrganiserWaitlistOut(told).data)


class WaitlistEntriesView(ListAPIView[WaitlistEntry]):
    """Who is on the waitlist of an event."""

    permission_classes = (HasScope("orders:read", role=Role.BOX_OFFICE),)
    serializer_class = OrganiserEntryOut
    ordering = "joined_at"
    queryset = WaitlistEntry.objects.none()

    @extend_schema(
        operation_id="list_waitlist_entries",
        tags=["Organisers"],
        responses={200: OrganiserEntryOut(many=True), **problems("invalid", *_ALWAYS)},
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List who is on the waitlist, in the order of joining; also who bought or left."""
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[WaitlistEntry]:
        """Return the entries of the event, if it is the user's to see them."""
        try:
            return waitlist_entries(event_id=self.kwargs["event_id"], user=self.request.user)
        except _REFUSALS as error:
            raise refused(error) from None
