"""Payments, refunds and exchanges as JSON."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from sales.api.serializers import OrderOut, TicketOut
from worldseat.api.money import Money
from worldseat.api.parsing import StrictSerializer, TextField, UUIDField

__all__ = ["ExchangeIn", "ExchangeOut", "OrderIn", "RefundIn", "RefundOut"]

# More than any order has.
MOST_TICKETS = 100
MOST_MINOR = 10**12


class PaymentIn(StrictSerializer):
    """How to pay."""

    provider = TextField(max_length=40, help_text="`test` where it is allowed, or `box_office`.")
    token = TextField(
        required=False,
        max_length=255,
        help_text="What stands for the card with the provider; cash needs none.",
    )


class OrderIn(StrictSerializer):
    """Which hold to order, and how to pay for it."""

    hold = UUIDField()
    payment = PaymentIn()


class AmountField(serializers.IntegerField):
    """An amount in minor units; the framework's field also takes texts and switches."""

    def to_internal_value(self, data: Any) -> int:
        """Return the amount; refuses other types."""
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(data)


class SwitchedOnField(serializers.BooleanField):
    """A switch; the framework's field also takes texts."""

    def to_internal_value(self, data: Any) -> bool:
        """Return the switch; refuses other types."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class RefundIn(StrictSerializer):
    """What goes back: some tickets, an amount, or without both the whole order."""

    tickets = serializers.ListField(
        child=UUIDField(),
        required=False,
        min_length=1,
        max_length=MOST_TICKETS,
        help_text="These go void, and what they have cost goes back, or `amount`.",
    )
    amount = AmountField(
        required=False,
        min_value=0,
        max_value=MOST_MINOR,
        help_text="In minor units. Without `tickets`, the tickets stay valid.",
    )
    reason = TextField(max_length=150, help_text="For the books.")
    release = SwitchedOnField(
        required=False,
        help_text="Whether the seats are on sale again (the default) or blocked.",
    )

    def validate_tickets(self, tickets: list[Any]) -> list[Any]:
        """Refuse a ticket named twice."""
        if len(set(tickets)) != len(tickets):
            raise serializers.ValidationError("A ticket is named twice.")
        return tickets

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse what means nothing: no money and no ticket, seats of tickets that stay."""
        if "tickets" not in attrs and "amount" in attrs:
            if attrs["amount"] == 0:
                raise serializers.ValidationError({"amount": ["Nothing would go back."]})
            if "release" in attrs:
                raise serializers.ValidationError({"release": ["The tickets stay valid."]})
        return attrs


class RefundOut(serializers.Serializer[Any]):
    """What went back this time, and the order as it is now."""

    amount = Money()
    order = OrderOut()


class ExchangeIn(StrictSerializer):
    """Which seat to have instead."""

    seat = UUIDField(help_text="A free seat of the same event.")
    price_type = UUIDField(
        required=False,
        help_text="One of the new seat's category; else the one of the same name, or the full "
        "price.",
    )


class ExchangeOut(serializers.Serializer[Any]):
    """The ticket that took the old one's place."""

    order = serializers.UUIDField()
    ticket = TicketOut()
    paid = Money(help_text="What the new seat cost more; negative: what goes back.")
