"""Scans: who was let in, where and when, and who was not."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models

from sales.models.events import Event
from sales.models.orders import Ticket


class ScanOutcome(models.TextChoices):
    """What the door was told."""

    ADMITTED = "admitted", "Admitted"
    ALREADY_ADMITTED = "already-admitted", "Already admitted"
    VOID = "void", "Void"
    SUPERSEDED = "superseded", "Reissued since"
    OTHER_EVENT = "other-event", "For another event"


class Scan(models.Model):
    """One look at a ticket at a door. Never changed, never deleted."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="scans")
    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="scans")
    outcome = models.CharField(max_length=20, choices=ScanOutcome.choices)
    gate = models.CharField(max_length=50, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    scanned_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(outcome__in=ScanOutcome.values), name="scan_outcome_is_known"
            ),
            models.UniqueConstraint(
                fields=["ticket"],
                condition=models.Q(outcome=ScanOutcome.ADMITTED),
                name="one_admission_a_ticket",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ticket}: {self.outcome}"
