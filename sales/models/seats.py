"""Seats: the thing that is sold once."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from django.db import models

from accounts.models import TenantManager, TenantModel
from sales.models.events import Event, PriceCategory

if TYPE_CHECKING:
    from sales.models.holds import Hold


class SeatStatus(models.TextChoices):
    """Whether a seat can be bought."""

    AVAILABLE = "available", "Available"
    HELD = "held", "Held"
    SOLD = "sold", "Sold"
    BLOCKED = "blocked", "Blocked"


def free_at(now: datetime, *, of: str = "") -> models.Q:
    """Return the condition that a seat can be had at an instant; `of` is the way to it.

    A hold that has expired keeps none.
    """
    held = {f"{of}status": SeatStatus.HELD, f"{of}held_until__lte": now}
    return models.Q(**{f"{of}status": SeatStatus.AVAILABLE}) | models.Q(**held)


def is_free_at(status: str, held_until: datetime | None, now: datetime) -> bool:
    """Tell of a seat in hand what `free_at` asks the database for."""
    if status == SeatStatus.HELD:
        return held_until is not None and held_until <= now
    return status == SeatStatus.AVAILABLE


class SeatQuerySet(models.QuerySet["Seat"]):
    """Seats, as a chart needs them."""

    def free(self, now: datetime) -> SeatQuerySet:
        """Keep the seats that can be had at an instant."""
        return self.filter(free_at(now))

    def in_order(self) -> SeatQuerySet:
        """Sort as the plan does: section by section, row by row."""
        return self.order_by("position", "guid")


class Seat(TenantModel):
    """One seat of an event.

    `hold` and `held_until` say who holds it, as long as its status does; a hold that has
    expired keeps its seats in name only, and whoever comes next writes over them.
    """

    tenant_field = "event"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # No index of its own: the constraint's begins with it.
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="seats", db_index=False)
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
    accessible = models.BooleanField(
        default=False, help_text="A wheelchair place: best available offers it only when asked."
    )
    block_reason = models.CharField(
        max_length=200, blank=True, default="", help_text="Why it is blocked, for the organiser."
    )
    hold = models.ForeignKey(
        "sales.Hold",
        on_delete=models.SET_NULL,
        related_name="seats",
        null=True,
        blank=True,
        editable=False,
    )
    held_until = models.DateTimeField(null=True, blank=True, editable=False)

    objects: ClassVar = TenantManager.from_queryset(SeatQuerySet)()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "guid"], name="seat_guid_is_unique"),
            models.CheckConstraint(
                condition=models.Q(status__in=SeatStatus.values), name="seat_status_is_known"
            ),
            models.CheckConstraint(
                condition=~models.Q(status=SeatStatus.HELD) | models.Q(held_until__isnull=False),
                name="seat_hold_expires",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["event", "changed_at"], name="seat_event_changed_at"),
            models.Index(
                fields=["event", "held_until"],
                condition=models.Q(status=SeatStatus.HELD),
                name="seat_event_held_until",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.section} {self.label}"

    def is_free(self, now: datetime) -> bool:
        """Tell whether it can be had at an instant."""
        return is_free_at(self.status, self.held_until, now)

    def is_kept_by(self, hold: Hold) -> bool:
        """Tell whether it still is a hold's: nobody has taken it over, whatever the time."""
        return self.status == SeatStatus.HELD and self.hold_id == hold.pk

    @property
    def label(self) -> str:
        """What is printed on the seat: row and number, `A-1`."""
        return f"{self.row}-{self.number}"
