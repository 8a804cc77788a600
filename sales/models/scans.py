"""Scans: who was let in, where and when, and who was not."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models

from accounts.models import TenantModel
from sales.models.events import Event
from sales.models.orders import Ticket

CLOCK_SLACK_SECONDS = 30


class ScanOutcome(models.TextChoices):
    """What the door was told."""

    ADMITTED = "admitted", "Admitted"
    ALREADY_ADMITTED = "already-admitted", "Already admitted"
    VOID = "void", "Void"
    SUPERSEDED = "superseded", "Reissued since"
    OTHER_EVENT = "other-event", "For another event"
    EVENT_CANCELLED = "event-cancelled", "The event is cancelled"


class Scan(TenantModel):
    """One look at a ticket at a door. Never changed, never deleted."""

    tenant_field = "event"

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


class Scanner(TenantModel):
    """A device that scans tickets at an event's doors, and goes on without a connection."""

    tenant_field = "event"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="scanners")
    key = models.UUIDField(help_text="What the device calls itself, at this event.")
    name = models.CharField(max_length=50)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    seen_at = models.DateTimeField()
    clock_ahead_ms = models.BigIntegerField(
        default=0, help_text="How far its clock was ahead of ours when we last heard of it."
    )
    waiting = models.PositiveIntegerField(
        default=0, help_text="Scans that it had yet to report when we last heard of it."
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "key"], name="one_scanner_a_key"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def clock_off(self) -> int:
        """How far its clock was off ours, in seconds, whichever way."""
        return abs(self.clock_ahead_ms) // 1000

    @property
    def clock_is_off(self) -> bool:
        """Whether its clock was off by more than the way of a request explains."""
        return self.clock_off > CLOCK_SLACK_SECONDS


class ScanReport(TenantModel):
    """What a scanner told about a scan: when it was by its clock, and what it told the person.

    `told` is empty where the scanner asked us and told what we answered. A **conflict** is a
    person whom a scanner let in by itself with a ticket that admitted nobody (any more).
    """

    tenant_field = "scan"

    scan = models.OneToOneField(
        Scan, on_delete=models.PROTECT, related_name="report", primary_key=True
    )
    scanner = models.ForeignKey(Scanner, on_delete=models.PROTECT, related_name="reports")
    told = models.CharField(max_length=20, choices=ScanOutcome.choices, blank=True)
    device_time = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(told__in=["", *ScanOutcome.values]),
                name="scan_report_told_is_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scanner}: {self.told or 'asked'}"
