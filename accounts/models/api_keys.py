"""API keys: what an organisation's programs show, each with the scopes it needs and no more."""

from __future__ import annotations

import uuid
from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.db import models

from accounts.models.organisations import Organisation, Role
from accounts.models.tenants import TenantModel
from accounts.models.users import User


class Scope(models.TextChoices):
    """What a key may do."""

    EVENTS_READ = "events:read", "See venues, plans and events, drafts too"
    EVENTS_WRITE = "events:write", "Make, change, publish and close events"
    SEATS_READ = "seats:read", "See seats and their prices"
    SEATS_WRITE = "seats:write", "Price, block and release seats"
    ORDERS_READ = "orders:read", "See orders, tickets and who bought them"
    ORDERS_WRITE = "orders:write", "Sell, refund, exchange and reissue"
    SCAN = "scan", "Scan tickets at the door"
    WEBHOOKS = "webhooks", "Set up webhooks and look at deliveries"
    REPORTS_READ = "reports:read", "See reports and the dashboard's figures"
    STAMPEDES = "stampedes", "Start and stop simulated on-sales"


class ApiKeyUser(User):
    """The user a key acts as, so that what it does has a name: in scans, in the audit log.

    It has no password, and is nobody to a view that does not ask for a scope. One that does grants
    a role in the key's organisation, for that request (accounts.api.permissions.HasScope).
    """

    # Set by accounts.api_keys.authenticate, and by the permission that admits the key.
    organisation_id: UUID | None = None
    granted_role: Role | None = None

    class Meta:
        proxy = True

    def __str__(self) -> str:
        return self.name

    @property
    def is_authenticated(self) -> bool:  # type: ignore[override] # a constant in Django's stubs
        """Whether IsAuthenticated admits it: a key is no fan."""
        return False


class ApiKey(TenantModel):
    """A key. Only its digest is kept: `prefix` is what people recognise it by."""

    tenant_field = "organisation"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, related_name="api_keys"
    )
    user = models.OneToOneField(ApiKeyUser, on_delete=models.PROTECT, related_name="api_key")
    name = models.CharField(max_length=100, help_text="What uses it, such as: Website.")
    prefix = models.CharField(max_length=20)
    # SHA-256, as the secret is random: nothing to guess, so nothing to slow down.
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="UTC. Without it, the key works until it is revoked."
    )
    last_used_at = models.DateTimeField(null=True, help_text="To the minute.")
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "API key"
        verbose_name_plural = "API keys"
        indexes: ClassVar = [
            models.Index(fields=["organisation", "created_at"], name="api_key_of_organisation")
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
