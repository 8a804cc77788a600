"""Holds over HTTP: kept seats, extended and given back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authentication import logged_in
from sales.api.answers import KEYED_PARAMETERS, SALE_PROBLEMS, answer_keyed, request_key
from sales.api.serializers import CodeField, SeatOut
from sales.holds import (
    HoldExpired,
    HoldNotFound,
    Wanted,
    extend_hold,
    find_hold,
    hold_seats,
    release_hold,
)
from sales.idempotency import Answer
from sales.models import HeldSeat, Hold
from worldseat.api.money import Money, money
from worldseat.api.parsing import StrictSerializer, UUIDField
from worldseat.api.problems import Problem, not_found
from worldseat.api.schema import problems

__all__ = ["ExtendHoldView", "HoldView", "HoldsView"]

# More than any limit a fan; it bounds what one request makes the database do.
MOST_SEATS = 100


class WantedSeatIn(StrictSerializer):
    """A seat, at a price other than the full one."""

    seat = UUIDField()
    price_type = UUIDField(required=False, help_text="One of the category's; else the full price.")


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string", "format": "uuid"},
            # Inline: nothing makes a component of a serializer that only a field uses.
            {
                "type": "object",
                "properties": {
                    "seat": {"type": "string", "format": "uuid"},
                    "price_type": {"type": "string", "format": "uuid"},
                },
                "required": ["seat"],
                "additionalProperties": False,
            },
        ]
    }
)
class WantedField(serializers.Field[Wanted, Any, Any, Any]):
    """A seat: its id, or an object that also names a price type."""

    def to_internal_value(self, data: Any) -> Wanted:
        """Return the seat and the price type."""
        given = WantedSeatIn(data=data if isinstance(data, dict) else {"seat": data})
        given.is_valid(raise_exception=True)
        return Wanted(given.validated_data["seat"], given.validated_data.get("price_type"))


class HoldIn(StrictSerializer):
    """What to hold: named seats."""

    seats = serializers.ListField(child=WantedField(), min_length=1, max_length=MOST_SEATS)
    code = CodeField(required=False)

    def validate_seats(self, seats: list[Wanted]) -> list[Wanted]:
        """Refuse a seat named twice."""
        if len({each.seat_id for each in seats}) != len(seats):
            raise serializers.ValidationError("A seat is named twice.")
        return seats


class HeldSeatOut(serializers.Serializer[Any]):
    """A held seat and what it will cost, fees included."""

    seat = SeatOut()
    price_type = serializers.CharField(help_text="Empty: the full price.")
    price = Money()
    fee = Money()


class HoldOut(serializers.ModelSerializer[Hold]):
    """Seats kept for a fan until `expires_at`, at these prices."""

    event = serializers.UUIDField(source="event_id")
    seats = serializers.SerializerMethodField()
    total = serializers.SerializerMethodField()
    fees = serializers.SerializerMethodField()

    class Meta:
        model = Hold
        fields = (
            "id",
            "event",
            "state",
            "seats",
            "total",
            "fees",
            "created_at",
            "expires_at",
            "extendable_until",
        )

    @extend_schema_field(HeldSeatOut(many=True))
    def get_seats(self, hold: Hold) -> list[dict[str, Any]]:
        """Return the seats in the plan's order."""
        lines = sorted(hold.lines.all(), key=lambda line: (line.seat.position, line.seat.guid))
        return [_line(hold, line) for line in lines]

    @extend_schema_field(Money)
    def get_total(self, hold: Hold) -> dict[str, Any]:
        """Return what it will cost, fees included."""
        return money(hold.total_minor, hold.currency)

    @extend_schema_field(Money)
    def get_fees(self, hold: Hold) -> dict[str, Any]:
        """Return the part of it that is fees."""
        return money(hold.fees_minor, hold.currency)


def _line(hold: Hold, line: HeldSeat) -> dict[str, Any]:
    return {
        "seat": SeatOut(line.seat).data,
        "price_type": line.price_type.name if line.price_type else "",
        "price": money(line.price_minor + line.fee_minor, hold.currency),
        "fee": money(line.fee_minor, hold.currency),
    }


class HoldsView(APIView):
    """Keep seats of an event."""

    @extend_schema(
        operation_id="hold_seats",
        tags=["Fans"],
        request=HoldIn,
        parameters=KEYED_PARAMETERS,
        responses={201: HoldOut, **problems(*SALE_PROBLEMS)},
        examples=[
            OpenApiExample(
                "Two seats, one of them for a child",
                {
                    "seats": [
                        "0b8f7f0e-31b4-4bb1-8a4b-6b8c1b9f2a10",
                        {
                            "seat": "5b1f1c8e-0a57-4a41-9a3f-a1f8b3f8f2f1",
                            "price_type": "8e2f6d1a-3e0f-4f0d-93c5-2f7d6a0f1b22",
                        },
                    ]
                },
                request_only=True,
            )
        ],
    )
    def post(self, request: Request, event_id: UUID) -> Response:
        """Hold seats, all of them or none: 201 and the hold."""
        asked = request_key(request)
        given = HoldIn(data=request.data)
        given.is_valid(raise_exception=True)
        return answer_keyed(
            request,
            asked,
            lambda keyed, now: hold_seats(
                event_id=event_id,
                wanted=given.validated_data["seats"],
                code=given.validated_data.get("code", ""),
                fan_id=asked.fan_id,
                region=settings.REGION,
                now=now,
                keyed=keyed,
            ),
            _held,
        )


def _held(hold: Hold) -> Answer:
    return Answer(status=201, body=HoldOut(hold).data)


class HoldView(APIView):
    """One of one's own holds."""

    @extend_schema(
        operation_id="get_hold",
        tags=["Fans"],
        responses={200: HoldOut, **problems("not-authenticated", "not-found")},
    )
    def get(self, request: Request, hold_id: UUID) -> Response:
        """Return a hold, also one that has ended."""
        try:
            hold = find_hold(hold_id=hold_id, fan_id=logged_in(request).pk)
        except HoldNotFound:
            raise not_found() from None
        return Response(HoldOut(hold).data)

    @extend_schema(
        operation_id="release_hold",
        tags=["Fans"],
        responses={204: None, **problems("not-authenticated", "not-found", "hold-expired")},
    )
    def delete(self, request: Request, hold_id: UUID) -> Response:
        """Give the seats back; again does no harm."""
        try:
            release_hold(hold_id=hold_id, fan_id=logged_in(request).pk, now=timezone.now())
        except HoldNotFound:
            raise not_found() from None
        except HoldExpired as ended:
            raise hold_expired(ended) from None
        return Response(status=204)


class ExtendHoldView(APIView):
    """More time for a hold."""

    @extend_schema(
        operation_id="extend_hold",
        tags=["Fans"],
        request=None,
        responses={200: HoldOut, **problems("not-authenticated", "not-found", "hold-expired")},
    )
    def post(self, request: Request, hold_id: UUID) -> Response:
        """Keep the seats for the event's time from now on, up to `extendable_until`."""
        try:
            hold = extend_hold(hold_id=hold_id, fan_id=logged_in(request).pk, now=timezone.now())
        except HoldNotFound:
            raise not_found() from None
        except HoldExpired as ended:
            raise hold_expired(ended) from None
        return Response(HoldOut(hold).data)


def hold_expired(ended: HoldExpired) -> Problem:
    """Return the problem of a hold that has ended."""
    return Problem(410, "hold-expired", f"{ended} Nothing was changed; hold seats anew.")
