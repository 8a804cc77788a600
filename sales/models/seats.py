"""Seats: the thing that is sold once."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models

from sales.models.events import Event, PriceCategory


class SeatStatus(models.TextChoices):
    """Whether a seat can be bought."""

    AVAILABLE = "available", "Available"
    HELD = "held", "Held"
    SOLD = "sold", "Sold"
    BLOCKED = "blocked", "Blocked"


class SeatQuerySet(models.QuerySet["Seat"]):
    """Seats, as a chart needs them."""

    def in_order(self) -> SeatQuerySet:
        """Sort as the plan does: section by section, row by row."""
        return self.order_by("position", "guid")


class Seat(models.Model):
    """One seat of an event."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="seats")
    category = models.ForeignKey(PriceCategory, on_delete=models.PROTECT, related_name="seats")
    guid = models.CharField(max_length=200, help_text="Its name in the seating plan.")
    section = models.CharField(max_length=200)
    row = models.CharField(max_length=50)
    number = models.CharField(max_length=50)
    x = models.FloatField()
    y = models.FloatField()
    position = models.PositiveIntegerField(help_text="Order in the seating plan.")
    status = models.CharField(
        max_length=10, choices=SeatStatus.choices, default=SeatStatus.AVAILABLE
    )
    changed_at = models.DateTimeField(help_text="When its status last changed.")

    objects = SeatQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "guid"], name="seat_guid_is_unique"),
            models.CheckConstraint(
                condition=models.Q(status__in=SeatStatus.values), name="seat_status_is_known"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["event", "changed_at"], name="seat_event_changed_at"),
        ]

    def __str__(self) -> str:
        return f"{self.section} {self.label}"

    @property
    def label(self) -> str:
        """What is printed on the seat: row and number, `A-1`."""
        return f"{self.row}-{self.number}"
