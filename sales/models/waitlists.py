"""Waitlists: who gets a seat that comes back."""

from __future__ import annotations

import hashlib
import uuid
from typing import ClassVar

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models

from accounts.models import TenantModel
from sales.models.events import Event, PriceCategory
from sales.models.holds import Hold
from sales.models.waiting_rooms import new_seed


class WaitlistOrder(models.TextChoices):
    """Who is next."""

    FIRST_COME = "first_come", "In the order of enlisting"
    LOTTERY = "lottery", "By lot"


class EntryState(models.TextChoices):
    """Where an entry stands. An offer is a hold, which says itself whether it was paid."""

    WAITING = "waiting", "Waiting"
    OFFERED = "offered", "Offered"
    BOUGHT = "bought", "Bought"
    MISSED = "missed", "Missed"
    LEFT = "left", "Left"


class Waitlist(TenantModel):
    """How an event offers seats that come back; `Event.has_waitlist` says it is on.

    By lot, entries are ordered by a draw from `seed`, as in a waiting room
    (sales.waiting_room.draw): secret until the sale has ended, its hash shown all the time.
    """

    tenant_field = "event"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    event = models.OneToOneField(Event, on_delete=models.CASCADE, related_name="waitlist")
    order = models.CharField(
        max_length=12, choices=WaitlistOrder.choices, default=WaitlistOrder.FIRST_COME
    )
    window_seconds = models.PositiveIntegerField(
        default=3600,
        validators=[MinValueValidator(60)],
        help_text="How long a fan has to pay what she is offered.",
    )
    seed = models.CharField(max_length=64, default=new_seed, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(window_seconds__gte=60), name="waitlist_window_lasts"
            ),
            models.CheckConstraint(
                condition=models.Q(order__in=WaitlistOrder.values), name="waitlist_order_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"Waitlist of {self.event}"

    @property
    def commitment(self) -> str:
        """SHA-256 of the seed, in hexadecimal: published before the seed is."""
        return hashlib.sha256(bytes.fromhex(self.seed)).hexdigest()


class WaitlistEntry(TenantModel):
    """A fan who waits for seats of an event: one entry each; `category` empty: any.

    `missed` counts offers that she let pass: by lot, who missed fewer goes first.
    """

    tenant_field = "event"

    id = models.UUIDField(primary_key=True, editable=False)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="waitlist_entries")
    fan = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="waitlist_entries"
    )
    category = models.ForeignKey(
        PriceCategory, on_delete=models.CASCADE, related_name="+", null=True, blank=True
    )
    quantity = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    region = models.CharField(max_length=32)
    state = models.CharField(max_length=10, choices=EntryState.choices, default=EntryState.WAITING)
    joined_at = models.DateTimeField()
    draw = models.FloatField()
    missed = models.PositiveIntegerField(default=0)
    hold = models.OneToOneField(
        Hold, on_delete=models.SET_NULL, related_name="waitlist_entry", null=True, blank=True
    )
    offered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "waitlist entries"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(state__in=EntryState.values), name="waitlist_state_is_known"
            ),
            models.CheckConstraint(
                condition=models.Q(quantity__gte=1), name="waitlist_quantity_is_positive"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["event", "state"], name="waitlist_event_state"),
        ]

    def __str__(self) -> str:
        return f"{self.fan}: {self.quantity}"
