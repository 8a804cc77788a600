"""Holds: seats kept for a fan while she decides and pays."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models

from accounts.models import TenantManager, TenantModel
from sales.models.events import Event, PresaleCode, PriceType
from sales.models.seats import Seat


class HoldState(models.TextChoices):
    """Where a hold stands. Only the first two keep seats, and only until they expire."""

    ACTIVE = "active", "Active"
    PAYING = "paying", "Being paid"
    SOLD = "sold", "Sold"
    RELEASED = "released", "Released"
    EXPIRED = "expired", "Expired"


KEEPS_SEATS = (HoldState.ACTIVE, HoldState.PAYING)


class HoldQuerySet(models.QuerySet["Hold"]):
    """Holds, by whose they are."""

    def of(self, user: Any) -> HoldQuerySet:
        """Return the holds of one fan."""
        return self.filter(fan_id=user.pk)


class Hold(TenantModel):
    """Some seats of an event, kept for one fan until `expires_at`, at prices that stay.

    `extendable_until` bounds every extension. An expired hold needs nobody to end it: its seats
    count as free, and the next buyer takes them over.
    """

    tenant_field = "event"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="holds")
    fan = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="holds"
    )
    state = models.CharField(max_length=10, choices=HoldState.choices, default=HoldState.ACTIVE)
    code = models.ForeignKey(
        PresaleCode, on_delete=models.PROTECT, related_name="holds", null=True, blank=True
    )
    total_minor = models.PositiveBigIntegerField(help_text="Fees included.")
    fees_minor = models.PositiveBigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    region = models.CharField(max_length=32)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    extendable_until = models.DateTimeField()

    objects: ClassVar = TenantManager.from_queryset(HoldQuerySet)()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(state__in=HoldState.values), name="hold_state_is_known"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["fan", "event"], name="hold_fan_event"),
            models.Index(
                fields=["expires_at"],
                condition=models.Q(state__in=KEEPS_SEATS),
                name="hold_expires_at",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.fan}: {self.event}, until {self.expires_at:%H:%M:%S}"


class HeldSeat(TenantModel):
    """A seat of a hold and what it will cost, whatever the organiser changes meanwhile."""

    tenant_field = "hold"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    hold = models.ForeignKey(Hold, on_delete=models.CASCADE, related_name="lines")
    seat = models.ForeignKey(Seat, on_delete=models.CASCADE, related_name="+")
    price_type = models.ForeignKey(
        PriceType, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    price_minor = models.PositiveBigIntegerField()
    fee_minor = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["hold", "seat"], name="hold_has_a_seat_once"),
        ]

    def __str__(self) -> str:
        return str(self.seat)

    @property
    def total_minor(self) -> int:
        """What is asked for it: its price and its fee."""
        return self.price_minor + self.fee_minor
