"""Venues, events, seats and jobs as organisers' programs read and write them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.validators import RegexValidator
from rest_framework import serializers

from sales.api.serializers import EventOut, VenueOut
from sales.models import BulkJob, Event, JobKind, JobState, SeatStatus
from sales.organising.operations import Outcome
from worldseat.api.parsing import StrictSerializer, TextField, UUIDField

__all__ = [
    "DuplicateIn",
    "DuplicatedOut",
    "EventChangeIn",
    "EventIn",
    "JobOut",
    "OrganiserEventOut",
    "OrganiserSeatOut",
    "ResultsOut",
    "ResultsQuery",
    "SeatsChangeIn",
    "SeatsOut",
    "SeatsQuery",
    "VenueIn",
    "VenueListOut",
]

_LARGEST = 2**31 - 1


class VenueListOut(serializers.Serializer[Any]):
    """All venues; there is one page."""

    results = VenueOut(many=True)


class VenueIn(StrictSerializer):
    """A new venue."""

    name = TextField(max_length=200)
    city = TextField(max_length=200, required=False, allow_blank=True)
    time_zone = TextField(max_length=64, required=False, help_text="Such as Europe/Lisbon.")


class RulesIn(StrictSerializer):
    """What an organiser may say about an event; money is in minor units of its currency."""

    description = TextField(max_length=20_000, required=False, allow_blank=True)
    limit_per_fan = serializers.IntegerField(min_value=1, max_value=1000, required=False)
    hold_seconds = serializers.IntegerField(min_value=1, max_value=86_400, required=False)
    hold_limit_seconds = serializers.IntegerField(min_value=1, max_value=86_400, required=False)
    fee_minor = serializers.IntegerField(min_value=0, max_value=_LARGEST, required=False)
    fee_basis_points = serializers.IntegerField(min_value=0, max_value=10_000, required=False)
    fans_cancel_until = serializers.DateTimeField(required=False, allow_null=True)


class EventIn(RulesIn):
    """A new event: a draft, without seats."""

    venue = UUIDField()
    name = TextField(max_length=200)
    currency = TextField(
        max_length=3, validators=[RegexValidator(r"\A[A-Z]{3}\Z", "Use a code such as EUR.")]
    )
    starts_at = serializers.DateTimeField()
    on_sale_at = serializers.DateTimeField()
    off_sale_at = serializers.DateTimeField()


class EventChangeIn(RulesIn):
    """What to change; what is left out stays."""

    name = TextField(max_length=200, required=False)
    starts_at = serializers.DateTimeField(required=False)
    on_sale_at = serializers.DateTimeField(required=False)
    off_sale_at = serializers.DateTimeField(required=False)


class DuplicateIn(StrictSerializer):
    """When the copy is, and its name."""

    name = TextField(max_length=200)
    starts_at = serializers.DateTimeField()
    on_sale_at = serializers.DateTimeField()
    off_sale_at = serializers.DateTimeField()
    with_codes = serializers.BooleanField(required=False, help_text="Copy presale codes too.")


class OrganiserEventOut(EventOut):
    """An event with its rules."""

    class Meta(EventOut.Meta):
        model = Event
        fields: ClassVar = [
            *EventOut.Meta.fields,
            "hold_seconds",
            "hold_limit_seconds",
            "fee_minor",
            "fee_basis_points",
            "fans_cancel_until",
            "plan",
        ]


class SeatsQuery(StrictSerializer):
    """Which seats to list, and from where on."""

    section = TextField(max_length=200, required=False)
    status = serializers.ChoiceField(choices=SeatStatus.choices, required=False)
    category = UUIDField(required=False)
    after = serializers.IntegerField(
        min_value=0, max_value=_LARGEST, required=False, help_text="`next_after` of a page."
    )
    limit = serializers.IntegerField(min_value=1, max_value=1000, required=False)


class OrganiserSeatOut(serializers.Serializer[Any]):
    """A seat, as its organiser sees it."""

    id = serializers.UUIDField()
    guid = serializers.CharField()
    section = serializers.CharField()
    row = serializers.CharField()
    number = serializers.CharField()
    category = serializers.UUIDField()
    status = serializers.ChoiceField(choices=SeatStatus.choices)
    accessible = serializers.BooleanField()
    block_reason = serializers.CharField()


class SeatsOut(serializers.Serializer[Any]):
    """A page of seats in the plan's order; `next_after` is null on the last one."""

    results = OrganiserSeatOut(many=True)
    next_after = serializers.IntegerField(allow_null=True)


class SeatsFilterIn(StrictSerializer):
    """Seats that are all of these; or those of `seats` or `labels`."""

    seats = serializers.ListField(child=UUIDField(), required=False, max_length=20_000)
    labels = TextField(max_length=200_000, required=False, help_text="A-1, A-3..A-10, Balcony: B-2")
    section = TextField(max_length=200, required=False)
    rows = TextField(max_length=500, required=False, help_text="A-H, or A,C,M-P")
    numbers = TextField(max_length=500, required=False, help_text="1-20")
    parity = serializers.ChoiceField(choices=["odd", "even"], required=False)
    category = UUIDField(required=False)
    status = serializers.ChoiceField(choices=SeatStatus.choices, required=False)
    accessible = serializers.BooleanField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a filter that says nothing: it would mean all seats."""
        if not attrs:
            raise serializers.ValidationError("Say which seats: a filter that is empty means all.")
        return attrs


class SeatsSetIn(StrictSerializer):
    """What to do to them: one of these."""

    category = UUIDField(required=False, help_text="Their price category.")
    blocked = serializers.BooleanField(required=False)
    reason = TextField(max_length=200, required=False, help_text="Why they are blocked.")
    accessible = serializers.BooleanField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse none, and several at once."""
        if len(set(attrs) - {"reason"}) != 1:
            raise serializers.ValidationError("Give one of category, blocked, accessible.")
        return attrs


class SeatsChangeIn(StrictSerializer):
    """Which seats, and what to do to them."""

    filter = SeatsFilterIn()
    set = SeatsSetIn()


class ResultOut(serializers.Serializer[Any]):
    """What came of one seat."""

    seat = serializers.UUIDField()
    section = serializers.CharField()
    row = serializers.CharField()
    number = serializers.CharField()
    outcome = serializers.ChoiceField(choices=Outcome.choices)
    reason = serializers.CharField()


class JobOut(serializers.ModelSerializer[BulkJob]):
    """Work on many seats. `report` counts outcomes; `unknown` is what named no seat."""

    kind = serializers.ChoiceField(choices=JobKind.choices)
    state = serializers.ChoiceField(choices=JobState.choices)
    report = serializers.DictField(child=serializers.IntegerField())
    unknown = serializers.SerializerMethodField()

    class Meta:
        model = BulkJob
        fields: ClassVar = [
            "id",
            "event",
            "kind",
            "title",
            "state",
            "total",
            "done",
            "report",
            "unknown",
            "message",
            "created_at",
            "finished_at",
        ]

    def get_unknown(self, job: BulkJob) -> list[str]:
        """Return what of the selection named no seat."""
        unknown: list[str] = job.asked.get("unknown", [])
        return unknown


class DuplicatedOut(serializers.Serializer[Any]):
    """The copy, and the job that copies the seats: null if there are none to copy."""

    event = OrganiserEventOut()
    job = JobOut(allow_null=True)


class ResultsQuery(StrictSerializer):
    """From which batch on."""

    batch = serializers.IntegerField(min_value=0, max_value=100_000, required=False)


class ResultsOut(serializers.Serializer[Any]):
    """What came of the seats of a batch; `next_batch` is null on the last one."""

    results = ResultOut(many=True)
    next_batch = serializers.IntegerField(allow_null=True)
