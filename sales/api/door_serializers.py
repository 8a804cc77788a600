"""What scanners and we tell each other, as JSON."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from sales.api.serializers import SeatOut
from sales.models import ScanOutcome
from sales.scanners import MOST_SCANS, UNKNOWN
from sales.ticket_codes import LONGEST_CODE
from worldseat.api.parsing import StrictSerializer, TextField, UUIDField

__all__ = ["TICKET_FIELDS", "DoorNewsOut", "DoorQuery", "ReportIn", "ReportOut"]

# What the row of a ticket has, in this order.
TICKET_FIELDS = (
    "ticket",
    "issue",
    "state",
    "admitted_at",
    "where",
    "section",
    "row",
    "number",
    "price_type",
)


class ScannerIn(StrictSerializer):
    """The scanner that reports."""

    id = UUIDField(help_text="A random id that it keeps for the event.")
    name = TextField(max_length=50, help_text="What people call it.")
    time = serializers.DateTimeField(help_text="What its clock says now.")
    waiting = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=1_000_000,
        help_text="How many scans it will still have to report after these.",
    )


class ShownIn(StrictSerializer):
    """A code that it was shown."""

    id = UUIDField(help_text="A random id of this scan: reported again, it counts once.")
    code = TextField(max_length=LONGEST_CODE, help_text="What the QR code says.")
    at = serializers.DateTimeField(help_text="When, by the scanner's clock.")
    told = serializers.ChoiceField(
        ScanOutcome.choices,
        required=False,
        help_text="What the scanner told the person by itself; left out where it only asks.",
    )


class ReportIn(StrictSerializer):
    """What a scanner saw."""

    scanner = ScannerIn()
    gate = TextField(required=False, allow_blank=True, max_length=50)
    scans = serializers.ListField(
        child=ShownIn(), max_length=MOST_SCANS, help_text="In the order in which it saw them."
    )


class AdmissionOut(serializers.Serializer[Any]):
    """Who let somebody in with the ticket, and when."""

    scan = serializers.UUIDField(help_text="The id of that scan: of this one, or another.")
    scanner = serializers.CharField(help_text="Empty: no scanner that has a name.")
    gate = serializers.CharField()
    at = serializers.DateTimeField(help_text="By our clock: when we heard of it.")
    device_time = serializers.DateTimeField(
        allow_null=True, help_text="By the scanner's clock, if it was one."
    )


class ReportedOut(serializers.Serializer[Any]):
    """What became of a scan."""

    id = serializers.UUIDField()
    outcome = serializers.ChoiceField(
        [*ScanOutcome.values, UNKNOWN],
        help_text="`unknown`: nobody here signed the code, or it names no ticket of yours.",
    )
    conflict = serializers.BooleanField(
        help_text="The scanner let somebody in, and the ticket admitted nobody (any more)."
    )
    ticket = serializers.UUIDField(allow_null=True)
    seat = SeatOut(allow_null=True)
    price_type = serializers.CharField(help_text="Empty: the full price. Else ask for proof.")
    holder = serializers.CharField(help_text="The fan's name, or her e-mail address.")
    admission = AdmissionOut(allow_null=True)


class ReportOut(serializers.Serializer[Any]):
    """What became of each scan."""

    at = serializers.DateTimeField(help_text="What our clock says.")
    scans = ReportedOut(many=True)


class DoorQuery(StrictSerializer):
    """From when on."""

    since = serializers.CharField(
        required=False, max_length=200, help_text="The cursor of the look before."
    )
    after = UUIDField(required=False, help_text="`next_after` of a page.")
    limit = serializers.IntegerField(
        min_value=1, max_value=5000, required=False, help_text="Tickets a page; 1000 if left out."
    )


class DoorNewsOut(serializers.Serializer[Any]):
    """How the tickets stand."""

    cursor = serializers.CharField(
        allow_null=True, help_text="For the next look; the first page has it."
    )
    at = serializers.DateTimeField(help_text="What our clock says.")
    total = serializers.IntegerField(
        allow_null=True, help_text="Tickets on all pages; the first page has it."
    )
    cancelled = serializers.BooleanField(
        help_text="The event does not take place: no ticket admits, however it stands."
    )
    next_after = serializers.UUIDField(allow_null=True, help_text="Null on the last page.")
    fields_ = serializers.ListField(child=serializers.CharField())
    tickets = serializers.ListField(
        child=serializers.ListField(),
        help_text="A row for each ticket, its values in the order of `fields`. No names.",
    )

    def get_fields(self) -> dict[str, Any]:
        """Call the field `fields`, which the class has a use of its own for."""
        return {name.rstrip("_"): field for name, field in super().get_fields().items()}
