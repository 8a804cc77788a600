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

from accounts.api.authentication import logged_in
from accounts.api.permissions import MayBuy
from sales.api.answers import (
    KEYED_PARAMETERS,
    QUEUE_PASS,
    SALE_PROBLEMS,
    answer_keyed,
    queue_pass_of,
    request_key,
)
from sales.api.serializers import CodeField, SeatOut
from sales.best_available.holding import BestHold, Wish, hold_best_available
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
from worldseat.api.views import APIView

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


class FlagField(serializers.BooleanField):
    """`true` or `false`; the framework's field also takes "yes" and 1."""

    def to_internal_value(self, data: Any) -> bool:
        """Return the flag; refuses other types."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class CountField(serializers.IntegerField):
    """A whole number; the framework's field also takes texts and 2.0."""

    def to_internal_value(self, data: Any) -> int:
        """Return the number; refuses other types."""
        if type(data) is not int:
            self.fail("invalid")
        return super().to_internal_value(data)


class BestAvailableIn(StrictSerializer):
    """The best seats that are left."""

    quantity = CountField(min_value=1, max_value=MOST_SEATS)
    category = UUIDField(required=False, help_text="Without one: the best of all.")
    accessible = FlagField(
        default=False, help_text="Wheelchair places, and only those; else none of them."
    )
    price_types = serializers.ListField(
        child=UUIDField(),
        required=False,
        max_length=MOST_SEATS,
        help_text="For as many of the seats, all of one category; the others at the full price.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse more price types than seats."""
        if len(attrs.get("price_types", [])) > attrs["quantity"]:
            raise serializers.ValidationError({"price_types": ["There are more than seats."]})
        return attrs


class HoldIn(StrictSerializer):
    """What to hold: named seats, or the best that are left; one of the two."""

    one_of = ("seats", "best_available")

    seats = serializers.ListField(
        child=WantedField(), min_length=1, max_length=MOST_SEATS, required=False
    )
    best_available = BestAvailableIn(required=False)
    code = CodeField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse both, and neither."""
        if ("seats" in attrs) == ("best_available" in attrs):
            raise serializers.ValidationError({"seats": ["Name seats, or ask for best_available."]})
        return attrs

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


class PlacedHoldOut(HoldOut):
    """A hold that was placed just now."""

    contiguous = serializers.BooleanField(
        required=False, help_text="With `best_available`: whether the seats are side by side."
    )

    class Meta(HoldOut.Meta):
        fields = (*HoldOut.Meta.fields, "contiguous")  # type: ignore[assignment] # one more


def _line(hold: Hold, line: HeldSeat) -> dict[str, Any]:
    return {
        "seat": SeatOut(line.seat).data,
        "price_type": line.price_type.name if line.price_type else "",
        "price": money(line.total_minor, hold.currency),
        "fee": money(line.fee_minor, hold.currency),
    }


class HoldsView(APIView):
    """Keep seats of an event."""

    permission_classes = (MayBuy,)

    @extend_schema(
        operation_id="hold_seats",
        tags=["Fans"],
        request=HoldIn,
        parameters=[*KEYED_PARAMETERS, QUEUE_PASS],
        responses={201: PlacedHoldOut, **problems(*SALE_PROBLEMS, "no-seats-left")},
        examples=[
            OpenApiExample(
                "The best four of a category",
                {
                    "best_available": {
                        "quantity": 4,
                        "category": "3f2b8c1e-7f0a-4c55-8f0e-2b9d4a6c1e77",
                    }
                },
                request_only=True,
            ),
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
            ),
        ],
    )
    def post(self, request: Request, event_id: UUID) -> Response:
        """Hold seats, all of them or none: 201 and the hold.

        With `best_available` they are side by side in a row where there still are so many, near
        the stage and its middle; else in as few pieces as possible, and `contiguous` is false.
        """
        asked = request_key(request)
        given = HoldIn(data=request.data)
        given.is_valid(raise_exception=True)
        wanted: dict[str, Any] = given.validated_data
        sale: dict[str, Any] = {
            "event_id": event_id,
            "fan_id": asked.fan_id,
            "region": settings.REGION,
        }
        sale["code"] = wanted.get("code", "")
        sale["queue_pass"] = queue_pass_of(request)
        if best := wanted.get("best_available"):
            wish = Wish(
                quantity=best["quantity"],
                category_id=best.get("category"),
                accessible=best["accessible"],
                price_type_ids=best.get("price_types", ()),
            )
            return answer_keyed(
                request,
                asked,
                lambda keyed, now: hold_best_available(**sale, wish=wish, now=now, keyed=keyed),
                _held_best,
            )
        return answer_keyed(
            request,
            asked,
            lambda keyed, now: hold_seats(**sale, wanted=wanted["seats"], now=now, keyed=keyed),
            _held,
        )


def _held(hold: Hold) -> Answer:
    return Answer(status=201, body=HoldOut(hold).data)


def _held_best(best: BestHold) -> Answer:
    body = {**HoldOut(best.hold).data, "contiguous": best.contiguous}
    return Answer(status=201, body=body)


class HoldView(APIView):
    """One of one's own holds."""

    permission_classes = (MayBuy,)

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

    permission_classes = (MayBuy,)

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
