"""Stampedes: simulated on-sales, and what each buyer was told."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models

from accounts.models import TenantModel
from sales.models.events import Event
from sales.models.seats import Seat


class StampedeState(models.TextChoices):
    """Where a stampede stands."""

    PLANNED = "planned", "Planned"
    RUNNING = "running", "Running"
    FINISHED = "finished", "Finished"
    INCOMPLETE = "incomplete", "Incomplete"
    STOPPED = "stopped", "Stopped"


class Shape(models.TextChoices):
    """What the buyers want, and when they come."""

    ONE_SEAT = "one-seat", "One seat"
    BEST_AVAILABLE = "best-available", "Best available"
    HALL = "hall", "A whole hall"
    SPREAD = "spread", "A seat each"
    RUSH = "rush", "A rush on a hall"


class Outcome(models.TextChoices):
    """What a buyer was told; PENDING: nothing yet (or ever, if her worker died)."""

    PENDING = "pending", "Pending"
    CONFIRMED = "confirmed", "Confirmed"
    REJECTED = "rejected", "Rejected"
    ERROR = "error", "Error"
    UNKNOWN = "unknown", "Unknown"


class Stampede(TenantModel):
    """One run: many buyers who want the same seat, or seats of one event, against one contender.

    `seat` is empty where any seat of the event will do (see Shape). `options` is how it was asked
    for, whole, so that it can be repeated. `found` is the committed state of a contender's own
    store, read at the end and kept when that store is dropped; empty for our own purchase.
    """

    tenant_field = "event"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="stampedes")
    seat = models.ForeignKey(
        Seat, on_delete=models.PROTECT, related_name="stampedes", null=True, blank=True
    )
    contender = models.CharField(max_length=40, default="dsql")
    shape = models.CharField(max_length=20, choices=Shape.choices, default=Shape.ONE_SEAT)
    options = models.JSONField(default=dict, blank=True)
    buyers = models.PositiveIntegerField()
    state = models.CharField(
        max_length=20, choices=StampedeState.choices, default=StampedeState.PLANNED
    )
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    created_at = models.DateTimeField()
    called_at = models.DateTimeField(
        null=True, blank=True, help_text="When the regions were sent their shares."
    )
    starts_at = models.DateTimeField(null=True, blank=True, help_text="The agreed instant.")
    finished_at = models.DateTimeField(null=True, blank=True)
    stop_at = models.DateTimeField(
        null=True, blank=True, help_text="When somebody asked it to stop."
    )
    found = models.JSONField(null=True, blank=True, editable=False)
    report = models.JSONField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(state__in=StampedeState.values), name="stampede_state_is_known"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["created_at"], name="stampede_created_at")]

    def __str__(self) -> str:
        return f"{self.buyers} buyers: {self.aim}"

    @property
    def aim(self) -> str:
        """Say what the buyers want: a seat's label, or the shape."""
        return self.seat.label if self.seat else Shape(self.shape).label


class StampedeRegion(TenantModel):
    """One region's share of a stampede: who runs it, and its last sign of life."""

    tenant_field = "stampede"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    stampede = models.ForeignKey(Stampede, on_delete=models.CASCADE, related_name="regions")
    region = models.CharField(max_length=32)
    buyers = models.PositiveIntegerField()
    worker = models.CharField(max_length=200, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True)
    ready_at = models.DateTimeField(
        null=True, blank=True, help_text="When its buyers were connected."
    )
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["stampede", "region"], name="one_share_a_stampede_region"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.buyers} buyers in {self.region}"


class Attempt(TenantModel):
    """One buyer's try: when it ran, how often its transaction ran, what she was told.

    `seat` is the one she wanted last, empty before she has chosen; `choices` is how many she
    tried. `told_order` is what she was told, no proof that there is one (and so no foreign key):
    the witness compares it with the tickets.
    """

    tenant_field = "stampede"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    stampede = models.ForeignKey(Stampede, on_delete=models.CASCADE, related_name="attempts")
    region = models.CharField(max_length=32)
    number = models.PositiveIntegerField(help_text="The buyer's number in the stampede.")
    fan = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="attempts"
    )
    # Without a constraint: checking it would lock the very row that everybody fights for.
    seat = models.ForeignKey(
        Seat,
        on_delete=models.DO_NOTHING,
        related_name="+",
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
    )
    after_ms = models.PositiveIntegerField(
        default=0, help_text="How long after the agreed instant she is to come."
    )
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.PENDING)
    choices = models.PositiveIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    conflicts = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    detail = models.CharField(max_length=300, blank=True, help_text="Why, if it is an error.")
    told_order = models.UUIDField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["stampede", "number"], name="one_attempt_a_buyer"),
            models.CheckConstraint(
                condition=models.Q(outcome__in=Outcome.values), name="attempt_outcome_is_known"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["stampede", "outcome"], name="attempt_stampede_outcome"),
        ]

    def __str__(self) -> str:
        return f"buyer {self.number}, {self.region}: {self.outcome}"
