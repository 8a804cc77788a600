"""Work on many seats: what was asked for, how far it is, and what came of each seat."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models

from accounts.models import Organisation, TenantModel
from sales.models.events import Event
from sales.models.venues import Venue


class JobKind(models.TextChoices):
    """What a job does."""

    SEATS = "seats", "Change seats"
    MAKE_SEATS = "make-seats", "Make the seats of a plan"
    COPY_SEATS = "copy-seats", "Copy the seats of an event"
    MOVE_SEATS = "move-seats", "Move to another version of the plan"
    REFUND_ORDERS = "refund-orders", "Refund the orders of a cancelled event"


class JobState(models.TextChoices):
    """Where a job stands. A preview has changed nothing, and waits for whoever asked for it."""

    PREVIEW = "preview", "Preview"
    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    STOPPED = "stopped", "Stopped"
    FAILED = "failed", "Failed"


UNFINISHED_JOBS = (JobState.WAITING, JobState.RUNNING)


class BulkJob(TenantModel):
    """Work on many seats, in batches that commit one by one; whoever takes it up goes on.

    `asked` is what to do, as JSON; `report` counts the outcomes, by outcome and by reason.
    `worker` and `beat_at` tell who is at it, and when it last got on.
    """

    tenant_field = "organisation"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, related_name="bulk_jobs"
    )
    event = models.ForeignKey(
        Event, on_delete=models.CASCADE, related_name="bulk_jobs", null=True, blank=True
    )
    venue = models.ForeignKey(
        Venue, on_delete=models.CASCADE, related_name="bulk_jobs", null=True, blank=True
    )
    kind = models.CharField(max_length=20, choices=JobKind.choices)
    title = models.CharField(max_length=300, help_text="What it does, for people.")
    asked = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=JobState.choices, default=JobState.PREVIEW)
    total = models.PositiveIntegerField(help_text="Seats, or orders.")
    done = models.PositiveIntegerField(default=0, help_text="How many were dealt with.")
    report = models.JSONField(default=dict)
    message = models.TextField(blank=True, help_text="Why it ended early.")
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
        blank=True,
    )
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    worker = models.UUIDField(null=True, blank=True, editable=False)
    beat_at = models.DateTimeField(null=True, blank=True, editable=False)
    takes = models.PositiveIntegerField(default=0, help_text="How often a worker took it up.")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(kind__in=JobKind.values), name="job_kind_is_known"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=JobState.values), name="job_state_is_known"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["event", "created_at"], name="job_event_created_at"),
            models.Index(
                fields=["beat_at"],
                condition=models.Q(state__in=("waiting", "running")),
                name="job_unfinished",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def unit(self) -> str:
        """Say what `total` and `done` count."""
        return "orders" if self.kind == JobKind.REFUND_ORDERS else "seats"

    @property
    def is_over(self) -> bool:
        """Tell whether nothing more will come of it."""
        return self.state in {JobState.DONE, JobState.STOPPED, JobState.FAILED}


class JobBatch(TenantModel):
    """Some seats of a job, and what came of the first of them: one result for each, in order.

    A batch is some hundred seats, so that it and its seats change in one transaction.
    """

    tenant_field = "job"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.ForeignKey(BulkJob, on_delete=models.CASCADE, related_name="batches")
    position = models.PositiveIntegerField()
    seats = models.JSONField(help_text="The seats' ids.")
    results = models.JSONField(
        default=list, help_text="[{seat, section, row, number, outcome, reason}]"
    )
    is_done = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "job batches"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job", "position"], name="job_batch_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.job}, batch {self.position}"
