"""Venues and their seating plans."""

from __future__ import annotations

import uuid
from datetime import UTC, tzinfo
from typing import ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import models

from accounts.models import Organisation, TenantModel


class Venue(TenantModel):
    """A place where events happen."""

    tenant_field = "organisation"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="venues")
    name = models.CharField(max_length=200)
    city = models.CharField(max_length=200, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organisation", "name"], name="venue_name_is_unique"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> tzinfo:
        """The time zone that its clocks show; UTC where there is none of that name."""
        try:
            return ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return UTC


class SeatingPlan(TenantModel):
    """A chart of seats, imported from pretix's JSON format or made by numbers.

    `digest` is the SHA-256 of what was imported, so that the same import made again is known.
    """

    tenant_field = "organisation"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, related_name="seating_plans"
    )
    venue = models.ForeignKey(Venue, on_delete=models.CASCADE, related_name="seating_plans")
    name = models.CharField(max_length=200)
    width = models.FloatField()
    height = models.FloatField()
    categories = models.JSONField(help_text="[{name, color}], in the plan's order.")
    seat_count = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    is_upload = models.BooleanField(
        default=False, editable=False, help_text="Read, and not yet taken as the venue's plan."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Section(TenantModel):
    """One zone of a plan: its rows, and shapes such as a stage, as they are drawn.

    A section has a row of its own because DSQL holds a column to 1 MiB, which a plan of an
    arena passes as a whole.
    """

    tenant_field = "plan"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    plan = models.ForeignKey(SeatingPlan, on_delete=models.CASCADE, related_name="sections")
    name = models.CharField(max_length=200)
    zone_id = models.CharField(max_length=200)
    position = models.PositiveIntegerField(help_text="Order among the plan's sections.")
    layout = models.JSONField(help_text="The zone in pretix's format.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["plan", "position"], name="section_position_is_unique"),
        ]

    def __str__(self) -> str:
        return self.name
