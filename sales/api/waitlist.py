"""The waitlist over HTTP: join, look, leave. An offer is a hold, paid as any other."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.authentication import logged_in
from sales.api.holds import CountField
from sales.events import EventNotFound
from sales.limits import LimitReached
from sales.models import EntryState, WaitlistEntry
from sales.waitlist import (
    EntryNotFound,
    WaitlistClosed,
    draw_shown,
    enlist,
    find_entry,
    leave,
)
from worldseat.api.money import utc
from worldseat.api.parsing import StrictSerializer, UUIDField
from worldseat.api.problems import Problem, not_found
from worldseat.api.schema import problems
from worldseat.api.views import APIView

__all__ = ["WaitlistView"]

_MOST_SEATS = 100


class EntryIn(StrictSerializer):
    """What a fan waits for."""

    quantity = CountField(min_value=1, max_value=_MOST_SEATS)
    category = UUIDField(required=False, help_text="Without one: any that everybody may buy.")


class WaitlistDrawOut(serializers.Serializer[Any]):
    """How to check the order, where it is by lot."""

    by_lot = serializers.BooleanField(help_text="False: in the order of enlisting.")
    commitment = serializers.CharField(help_text="SHA-256 of the seed, shown from the beginning.")
    seed = serializers.CharField(allow_null=True, help_text="Null until the sale is over.")
    value = serializers.FloatField(
        allow_null=True,
        help_text="The fan's draw: the first 53 bits of HMAC-SHA256 of the bytes of `id` under "
        "the seed, over 2**53. Who let fewer offers pass goes first, then the smallest draw.",
    )


class EntryOut(serializers.Serializer[Any]):
    """A fan's entry in an event's waitlist."""

    id = serializers.UUIDField()
    event = serializers.UUIDField()
    state = serializers.ChoiceField(
        EntryState.values,
        help_text="`offered`: seats are held for her; `missed`: she let them pass, or may not "
        "have more seats.",
    )
    quantity = serializers.IntegerField()
    category = serializers.UUIDField(allow_null=True)
    joined_at = serializers.DateTimeField()
    hold = serializers.UUIDField(allow_null=True, help_text="With `offered`: what is to be paid.")
    offer_expires_at = serializers.DateTimeField(allow_null=True)
    draw = WaitlistDrawOut()


def _entry(entry: WaitlistEntry) -> dict[str, Any]:
    offered = entry.hold if entry.state == EntryState.OFFERED else None
    return {
        "id": str(entry.pk),
        "event": str(entry.event_id),
        "state": str(entry.state),
        "quantity": entry.quantity,
        "category": entry.category_id and str(entry.category_id),
        "joined_at": utc(entry.joined_at),
        "hold": offered and str(offered.pk),
        "offer_expires_at": offered and utc(offered.expires_at),
        "draw": asdict(draw_shown(entry, now=timezone.now())),
    }


class WaitlistView(APIView):
    """The fan's place on an event's waitlist."""

    @extend_schema(
        operation_id="join_waitlist",
        tags=["Fans"],
        request=EntryIn,
        responses={
            201: EntryOut,
            **problems(
                "invalid", "not-authenticated", "not-found", "limit-reached", "waitlist-closed"
            ),
        },
        examples=[OpenApiExample("Two seats of any kind", {"quantity": 2}, request_only=True)],
    )
    def post(self, request: Request, event_id: UUID) -> Response:
        """Wait for seats of an event that is sold out; who waits already changes what she wants."""
        fan = logged_in(request)
        given = EntryIn(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            entry = enlist(
                event_id=event_id,
                fan_id=fan.pk,
                quantity=given.validated_data["quantity"],
                category_id=given.validated_data.get("category"),
                region=settings.REGION,
                now=timezone.now(),
            )
        except EventNotFound:
            raise not_found() from None
        except WaitlistClosed as closed:
            detail = f"{closed} Nothing was changed."
            raise Problem(409, "waitlist-closed", detail) from None
        except LimitReached as reached:
            detail = f"{reached} Nothing was changed."
            raise Problem(403, "limit-reached", detail, limit=reached.limit) from None
        return Response(_entry(entry), status=201)

    @extend_schema(
        operation_id="get_waitlist_entry",
        tags=["Fans"],
        responses={200: EntryOut, **problems("not-authenticated", "not-found")},
    )
    def get(self, request: Request, event_id: UUID) -> Response:
        """Tell how the fan's entry stands."""
        fan = logged_in(request)
        try:
            entry = find_entry(event_id=event_id, fan_id=fan.pk, now=timezone.now())
        except EntryNotFound:
            raise not_found() from None
        return Response(_entry(entry))

    @extend_schema(
        operation_id="leave_waitlist",
        tags=["Fans"],
        responses={204: None, **problems("not-authenticated", "not-found")},
    )
    def delete(self, request: Request, event_id: UUID) -> Response:
        """Leave the waitlist; again does no harm. An offer is given back by releasing its hold."""
        fan = logged_in(request)
        try:
            leave(event_id=event_id, fan_id=fan.pk, now=timezone.now())
        except EntryNotFound:
            raise not_found() from None
        return Response(status=204)
