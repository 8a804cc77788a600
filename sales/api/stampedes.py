"""Simulated on-sales: started by an organisation's manager, watched by everybody who may see."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from kombu.exceptions import OperationalError
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.permissions import HasScope
from sales.models import Shape, Stampede, StampedeState
from sales.stampede.options import Options
from sales.stampede.ordering import (
    MayNotStampede,
    StampedeNotFound,
    order_stampede,
    stop_as,
    visible_stampede,
)
from sales.stampede.plan import MOST_BUYERS, MOST_MS, MOST_RATE, CannotStampede
from sales.stampede.progress import progress_of
from sales.stampede.workers import BrokerUnreachable, NoWorker
from sales.tasks import stampede as send_stampede
from worldseat.api.parsing import StrictSerializer, TextField, UUIDField
from worldseat.api.problems import Problem, invalid, not_found
from worldseat.api.schema import problems
from worldseat.api.views import APIView

__all__ = ["StampedeView", "StampedesView", "StopStampedeView"]


class StampedeIn(StrictSerializer):
    """How to run it. With `seat` everybody wants that one, else `shape` says what they want."""

    event = UUIDField(help_text="An event that is a simulation, of your organisation.")
    seat = UUIDField(required=False)
    best_available = serializers.BooleanField(
        required=False, help_text="Everybody wants the best seat that is left."
    )
    shape = serializers.ChoiceField(choices=Shape.choices, required=False)
    buyers = serializers.IntegerField(min_value=1, max_value=MOST_BUYERS, default=60)
    regions = serializers.ListField(
        child=TextField(max_length=32), required=False, help_text="Default: all."
    )
    contender = TextField(max_length=40, required=False, help_text="Default: dsql.")
    think_ms = serializers.IntegerField(min_value=0, max_value=MOST_MS, required=False)
    rush_ms = serializers.IntegerField(min_value=0, max_value=MOST_MS, required=False)
    waiting_room = serializers.IntegerField(
        min_value=1,
        max_value=MOST_RATE,
        required=False,
        help_text="Buyers first wait for their pass; so many are let in a minute.",
    )
    seed = serializers.IntegerField(min_value=0, max_value=(1 << 31) - 1, required=False)


class ProgressOut(serializers.Serializer[Any]):
    """How far it is: `done` of `buyers` were told something."""

    buyers = serializers.IntegerField()
    done = serializers.IntegerField()
    confirmed = serializers.IntegerField()
    rejected = serializers.IntegerField()
    failed = serializers.IntegerField()
    retries = serializers.IntegerField()
    conflicts = serializers.IntegerField()


# Said in full: a null is "anything, or null" twice, which oneOf refuses.
@extend_schema_field({"type": "object", "additionalProperties": True})
class ReportField(serializers.JSONField):
    """What came of it."""


class StampedeOut(serializers.Serializer[Stampede]):
    """A stampede; `report` is there when it is over."""

    id = serializers.UUIDField()
    event = serializers.UUIDField(source="event_id")
    seat = serializers.UUIDField(source="seat_id", allow_null=True)
    contender = serializers.CharField()
    shape = serializers.ChoiceField(choices=Shape.choices)
    state = serializers.ChoiceField(choices=StampedeState.choices)
    created_at = serializers.DateTimeField()
    starts_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    progress = serializers.SerializerMethodField()
    report = ReportField(allow_null=True)

    @extend_schema_field(ProgressOut)
    def get_progress(self, stampede: Stampede) -> dict[str, int]:
        """Count what is recorded by now."""
        return vars(progress_of(stampede.pk))


class StampedesView(APIView):
    """Simulated on-sales."""

    permission_classes = (HasScope("stampedes", role=None),)

    @extend_schema(
        operation_id="start_stampede",
        tags=["Organisers"],
        request=StampedeIn,
        examples=[
            OpenApiExample(
                "Sixty buyers want one seat",
                {
                    "event": "c9a54c57-8f0d-4f5e-a0b5-8b2f36a0f7c1",
                    "seat": "0b8f7f0e-31b4-4bb1-8a4b-6b8c1b9f2a10",
                    "buyers": 60,
                },
                request_only=True,
            )
        ],
        responses={
            202: StampedeOut,
            **problems("invalid", "not-authenticated", "permission-denied", "not-found", "busy"),
        },
    )
    def post(self, request: Request) -> Response:
        """Start one: many simulated buyers, at an event that is a simulation."""
        given = StampedeIn(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        try:
            started = order_stampede(
                user=request.user,
                event_id=wanted["event"],
                seat_id=wanted.get("seat"),
                buyers=wanted["buyers"],
                regions=wanted.get("regions") or settings.REGIONS,
                options=_options(wanted),
                send=send_stampede.delay,
                now=timezone.now(),
            )
        except CannotStampede as error:
            raise invalid({error.field: [str(error)]}) from None
        except (NoWorker, BrokerUnreachable, OperationalError):
            detail = "No worker is there to run the buyers. Nothing was sold."
            raise Problem(503, "busy", detail, headers={"Retry-After": "5"}) from None
        except StampedeNotFound:
            raise not_found() from None
        except MayNotStampede as error:
            raise Problem(403, "permission-denied", error.__doc__ or "") from None
        return Response(_render(started), status=202)


class StampedeView(APIView):
    """One simulated on-sale."""

    permission_classes = (HasScope("stampedes", role=None),)

    @extend_schema(
        operation_id="get_stampede",
        tags=["Organisers"],
        responses={200: StampedeOut, **problems("not-authenticated", "not-found")},
    )
    def get(self, request: Request, stampede_id: UUID) -> Response:
        """Tell how far it is, and the report when it is over."""
        try:
            found = visible_stampede(user=request.user, stampede_id=stampede_id)
        except StampedeNotFound:
            raise not_found() from None
        return Response(_render(found))


class StopStampedeView(APIView):
    """The end of a simulated on-sale."""

    permission_classes = (HasScope("stampedes", role=None),)

    @extend_schema(
        operation_id="stop_stampede",
        tags=["Organisers"],
        request=None,
        responses={
            202: StampedeOut,
            **problems("not-authenticated", "permission-denied", "not-found"),
        },
    )
    def post(self, request: Request, stampede_id: UUID) -> Response:
        """Let no further buyer begin; what was sold stays sold."""
        try:
            found = stop_as(user=request.user, stampede_id=stampede_id, now=timezone.now())
        except StampedeNotFound:
            raise not_found() from None
        except MayNotStampede as error:
            raise Problem(403, "permission-denied", error.__doc__ or "") from None
        return Response(_render(found), status=202)


def _options(wanted: dict[str, Any]) -> Options:
    if "seat" in wanted:
        usual = Shape.ONE_SEAT
    elif wanted.get("best_available"):
        usual = Shape.BEST_AVAILABLE
    else:
        usual = Shape.HALL
    named = ("contender", "think_ms", "rush_ms", "seed", "waiting_room")
    given = {name: wanted[name] for name in named if name in wanted}
    return Options(shape=wanted.get("shape", usual), **given)


def _render(stampede: Stampede) -> dict[str, Any]:
    return StampedeOut(stampede).data
