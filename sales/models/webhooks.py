"""Webhooks: where an organisation wants to be told, and what became of it."""

from __future__ import annotations

import base64
import secrets
import uuid
from datetime import datetime
from typing import ClassVar

from django.db import models

from accounts.models import Organisation, TenantModel
from sales.models.outbox import OutboxEvent
from worldseat.sealing import SealedField

_PREFIX = "whsec_"


def new_secret() -> str:
    """Return a secret as Standard Webhooks has them: `whsec_` and 32 random bytes in base64."""
    return f"{_PREFIX}{base64.b64encode(secrets.token_bytes(32)).decode()}"


class WebhookEndpoint(TenantModel):
    """A URL of an organisation that is told what happens."""

    tenant_field = "organisation"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, related_name="webhook_endpoints"
    )
    url = models.URLField(max_length=500)
    description = models.CharField(max_length=200, blank=True)
    kinds = models.JSONField(default=list, help_text="Kinds of events; empty: all of them.")
    enabled = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=200, blank=True)
    secret = SealedField(
        max_length=255, use="webhook", plain=_PREFIX, default=new_secret, editable=False
    )
    previous_secret = SealedField(
        max_length=255, use="webhook", plain=_PREFIX, blank=True, editable=False
    )
    previous_until = models.DateTimeField(null=True, blank=True, editable=False)
    failing_since = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField()
    deleted_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Its log is deleted in steps."
    )

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["organisation", "created_at"], name="webhook_organisation"),
        ]

    def __str__(self) -> str:
        return self.url

    def wants(self, kind: str) -> bool:
        """Tell whether it is to be told of a kind of event."""
        return self.enabled and (not self.kinds or kind in self.kinds)

    def secrets_at(self, now: datetime) -> list[str]:
        """Return the secrets that sign, the newest first: two for a day after a rotation.

        None where no key opens them any more.
        """
        old = self.previous_until is not None and now < self.previous_until
        return [each for each in (self.secret, self.previous_secret if old else "") if each]


class DeliveryState(models.TextChoices):
    """Whether an endpoint was told."""

    PENDING = "pending", "Pending"
    DELIVERED = "delivered", "Delivered"
    FAILED = "failed", "Failed"


class WebhookDelivery(TenantModel):
    """An event for an endpoint: due, under way (`due_at` is then the lease's end), or over.

    `subject_id` and `sequence` are the event's: the later one of a subject waits for the earlier.
    """

    tenant_field = "endpoint"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries"
    )
    happened = models.ForeignKey(OutboxEvent, on_delete=models.CASCADE, related_name="deliveries")
    subject_id = models.UUIDField()
    sequence = models.BigIntegerField()
    state = models.CharField(
        max_length=10, choices=DeliveryState.choices, default=DeliveryState.PENDING
    )
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField()
    leased = models.BooleanField(default=False, help_text="Under way, until `due_at`.")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "webhook deliveries"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["endpoint", "happened"], name="one_delivery_an_event"),
            models.CheckConstraint(
                condition=models.Q(state__in=DeliveryState.values), name="delivery_state_is_known"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"],
                condition=models.Q(state=DeliveryState.PENDING),
                name="delivery_due",
            ),
            models.Index(
                fields=["endpoint", "subject_id", "sequence"],
                condition=models.Q(state=DeliveryState.PENDING),
                name="delivery_subject",
            ),
            models.Index(fields=["endpoint", "created_at"], name="delivery_created_at"),
            models.Index(fields=["happened"], name="delivery_happened"),
        ]

    def __str__(self) -> str:
        return f"{self.happened_id} to {self.endpoint_id} ({self.get_state_display()})"


class WebhookAttempt(TenantModel):
    """One try to tell an endpoint: a status, or why there is none; milliseconds."""

    tenant_field = "delivery"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    delivery = models.ForeignKey(WebhookDelivery, on_delete=models.CASCADE, related_name="tries")
    at = models.DateTimeField()
    status = models.PositiveIntegerField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)
    milliseconds = models.PositiveIntegerField()
    body = models.TextField(blank=True, help_text="How the response began.")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["delivery", "at"], name="attempt_delivery")]

    def __str__(self) -> str:
        return str(self.status or self.error)
