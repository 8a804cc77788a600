"""Tickets and scans as JSON."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from sales.api.serializers import SeatOut, TicketOut, VenueOut
from sales.models import Event, Order, Ticket, TicketState
from sales.ticket_codes import LONGEST_CODE
from sales.tickets import code_of
from worldseat.api.parsing import StrictSerializer, TextField, UUIDField

__all__ = [
    "JWKSetOut",
    "RefusedQuery",
    "RefusedTicketOut",
    "ScanIn",
    "ScanOut",
    "TicketDetailOut",
]


class TicketEventOut(serializers.ModelSerializer[Event]):
    """What a ticket is for."""

    venue = VenueOut()

    class Meta:
        model = Event
        fields: ClassVar = ["id", "name", "starts_at", "venue"]


class HolderOut(serializers.Serializer[Any]):
    """Whose ticket it is."""

    name = serializers.CharField()
    email = serializers.CharField()


class TicketOrderOut(serializers.ModelSerializer[Order]):
    """The order that a ticket came with."""

    class Meta:
        model = Order
        fields: ClassVar = ["id", "reference"]


class TicketDetailOut(TicketOut):
    """A ticket with all that is printed on it."""

    event = TicketEventOut()
    order = TicketOrderOut()
    holder = HolderOut(source="fan")
    code = serializers.SerializerMethodField(
        help_text="What the QR code says; null for a void ticket."
    )

    class Meta(TicketOut.Meta):
        fields: ClassVar = [
            *TicketOut.Meta.fields,
            "event",
            "order",
            "holder",
            "code",
            "issue",
            "created_at",
            "reissued_at",
            "admitted_at",
            "voided_at",
        ]

    def get_code(self, ticket: Ticket) -> str | None:
        """Return the code that admits."""
        return code_of(ticket) if ticket.state == TicketState.VALID else None


class ScanIn(StrictSerializer):
    """A code that was shown at a door."""

    code = TextField(max_length=LONGEST_CODE, help_text="What the QR code says.")
    event = UUIDField(
        required=False, help_text="What happens behind this door; tickets of others are refused."
    )
    gate = TextField(
        required=False,
        max_length=50,
        help_text="Where; told to the next one who is shown the ticket.",
    )


class ScanOut(serializers.Serializer[Any]):
    """Let her in."""

    outcome = serializers.ChoiceField(["admitted"])
    ticket = serializers.UUIDField()
    event = serializers.UUIDField()
    seat = SeatOut()
    price_type = serializers.CharField(help_text="Empty: the full price. Else ask for proof.")
    holder = serializers.CharField(help_text="The fan's name, or her e-mail address.")
    gate = serializers.CharField()
    at = serializers.DateTimeField()


class JWKOut(serializers.Serializer[Any]):
    """A public key (RFC 8037)."""

    kty = serializers.ChoiceField(["OKP"])
    crv = serializers.ChoiceField(["Ed25519"])
    x = serializers.CharField(help_text="The key, base64url.")
    kid = serializers.CharField(help_text="The key id in the code, as hexadecimal digits.")
    use = serializers.ChoiceField(["sig"])
    alg = serializers.ChoiceField(["EdDSA"])


class JWKSetOut(serializers.Serializer[Any]):
    """The keys that sign tickets (RFC 7517)."""

    keys = JWKOut(many=True)


class RefusedQuery(StrictSerializer):
    """From when on."""

    since = serializers.DateTimeField(
        required=False, help_text="Leave out what was refused before; go back six minutes more."
    )


class RefusedTicketOut(serializers.Serializer[Any]):
    """A ticket some of whose codes admit no more."""

    ticket = serializers.UUIDField(source="pk")
    state = serializers.ChoiceField(
        TicketState.choices, source="refused_state", help_text="`void`: no code admits."
    )
    issue = serializers.IntegerField(help_text="Codes of an earlier issue do not admit.")
    refused_at = serializers.DateTimeField()
