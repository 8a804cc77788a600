"""The waiting room over HTTP: join, look, and take the pass."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.authentication import logged_in
from accounts.api.permissions import MayBuy
from sales.waiting_room.queue import QueueClosed, join, look
from sales.waiting_room.queue import QueueView as View
from sales.waiting_room.reading import RoomNotFound
from sales.waiting_room.standing import QueueState
from sales.waiting_room.tokens import BadTicket
from worldseat.api.money import utc
from worldseat.api.problems import Problem, not_found
from worldseat.api.schema import problems
from worldseat.api.views import APIView

__all__ = ["QueueTicketView", "QueueView", "queue_json"]

RETRY_AFTER = OpenApiParameter(
    "Retry-After",
    int,
    OpenApiParameter.HEADER,
    response=True,
    description="Seconds until it is worth to look again; different ones for different fans.",
)


class PassOut(serializers.Serializer[Any]):
    """What lets a fan hold and buy."""

    token = serializers.CharField(help_text="Send it as `Queue-Pass`.")
    expires_at = serializers.DateTimeField()


class QueueSeatsOut(serializers.Serializer[Any]):
    """Seats that can be had, and seats that may come back."""

    available = serializers.IntegerField()
    held = serializers.IntegerField()


class DrawOut(serializers.Serializer[Any]):
    """How to check the order of those who joined before the sale."""

    commitment = serializers.CharField(help_text="SHA-256 of the seed, shown from the beginning.")
    seed = serializers.CharField(allow_null=True, help_text="Null before the sale.")
    value = serializers.FloatField(
        allow_null=True,
        help_text="The fan's draw, from 0 to 1: the first 53 bits of HMAC-SHA256 of the bytes "
        "of `id` under the seed. The smallest goes first. Null for who came later.",
    )


class QueueOut(serializers.Serializer[Any]):
    """How a fan stands in a waiting room."""

    ticket = serializers.CharField(help_text="Keep it: it is the place. Look with it.")
    id = serializers.UUIDField(help_text="What is drawn: made of the event and the fan.")
    event = serializers.UUIDField()
    state = serializers.ChoiceField(
        [each.value for each in QueueState],
        help_text="`waiting` also after the draw; `all-taken`: nobody is let in unless seats "
        "that are held come back; `pass-ended`: join again for a place at the end.",
    )
    joined = serializers.IntegerField(help_text="How many fans have a place.")
    ahead = serializers.IntegerField(
        allow_null=True, help_text="Fans before this one who are still to be let in."
    )
    estimated_seconds = serializers.IntegerField(
        allow_null=True, help_text="Until it is this fan's turn; null: nobody can say."
    )
    too_few_seats = serializers.BooleanField(
        help_text="More fans are ahead than there are seats left."
    )
    seats = QueueSeatsOut()
    rate_per_minute = serializers.IntegerField(help_text="How many fans are let in a minute.")
    on_sale_at = serializers.DateTimeField()
    queue_pass = PassOut(allow_null=True, help_text="With `admitted`.")
    draw = DrawOut()
    policy = serializers.CharField(help_text="What the organiser says besides.")

    def get_fields(self) -> dict[str, Any]:
        """Name the pass as its clients know it; the word is Python's own."""
        fields = super().get_fields()
        return {"pass" if name == "queue_pass" else name: each for name, each in fields.items()}


def queue_json(view: View) -> dict[str, Any]:
    """Return how a fan stands, as JSON."""
    standing = view.standing
    given = view.pass_expires_at and {
        "token": view.pass_text,
        "expires_at": utc(view.pass_expires_at),
    }
    started = view.state != QueueState.BEFORE_SALE and standing.read_at >= standing.on_sale_at
    return {
        "ticket": view.ticket,
        "id": str(view.place_id),
        "event": str(standing.event_id),
        "state": view.state.value,
        "joined": view.joined,
        "ahead": view.ahead,
        "estimated_seconds": view.seconds,
        "too_few_seats": view.few,
        "seats": {"available": standing.available, "held": standing.held},
        "rate_per_minute": standing.rate_per_minute,
        "on_sale_at": utc(standing.on_sale_at),
        "pass": given or None,
        "draw": {
            "commitment": standing.commitment,
            "seed": standing.seed if started else None,
            "value": view.draw,
        },
        "policy": standing.policy,
    }


def _answer(view: View, status: int = 200) -> Response:
    headers = {"Retry-After": str(view.retry_after), "Cache-Control": "no-store"}
    return Response(queue_json(view), status=status, headers=headers)


class QueueView(APIView):
    """The waiting room of an event."""

    permission_classes = (MayBuy,)

    @extend_schema(
        operation_id="join_queue",
        tags=["Fans"],
        request=None,
        parameters=[RETRY_AFTER],
        responses={201: QueueOut, **problems("not-authenticated", "not-found", "queue-closed")},
    )
    def post(self, request: Request, event_id: UUID) -> Response:
        """Join the waiting room; who has a place already is told which, and keeps it."""
        fan = logged_in(request)
        try:
            view = join(event_id=event_id, fan_id=fan.pk, now=timezone.now())
        except RoomNotFound:
            raise not_found() from None
        except QueueClosed as closed:
            told: dict[str, Any] = {"opens_at": utc(closed.opens_at)} if closed.opens_at else {}
            raise Problem(
                409, "queue-closed", f"{closed} You have no place in it.", **told
            ) from None
        return _answer(view, 201)


class QueueTicketView(APIView):
    """One fan's place."""

    permission_classes = (AllowAny,)

    def perform_authentication(self, request: Request) -> None:
        """Ask nobody who this is: the ticket is signed, and a pass is good for its fan only."""

    @extend_schema(
        operation_id="get_queue_place",
        tags=["Fans"],
        parameters=[OpenApiParameter("ticket", str, OpenApiParameter.PATH), RETRY_AFTER],
        responses={200: QueueOut, **problems("not-found")},
    )
    def get(self, request: Request, event_id: UUID, ticket: str) -> Response:
        """Tell how a fan stands; with her pass, as soon as it is her turn."""
        try:
            view = look(event_id=event_id, ticket=ticket, now=timezone.now())
        except (RoomNotFound, BadTicket):
            raise not_found() from None
        return _answer(view)
