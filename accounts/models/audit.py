"""The audit log: who changed what, append only."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar, NoReturn

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from accounts.models.organisations import Organisation
from accounts.models.tenants import TenantManager, TenantModel


class AppendOnly(TypeError):
    """The audit log is append only: its entries are neither changed nor deleted."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    """Entries, which can be read and added."""

    def update(self, **changes: Any) -> NoReturn:
        """Raise AppendOnly."""
        raise AppendOnly

    def bulk_update(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise AppendOnly."""
        raise AppendOnly

    def delete(self) -> NoReturn:
        """Raise AppendOnly."""
        raise AppendOnly


class AuditEntry(TenantModel):
    """One act of somebody who works for an organisation, or for the platform (no organisation).

    What is named here may be gone, so the entry keeps its names: `actor_label` is the e-mail
    address, or the label of an API key; `changes` is {field: [old, new]}, secrets left out.
    """

    tenant_field = "organisation"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        help_text="Empty: an API key, or the system.",
    )
    actor_label = models.CharField("by", max_length=254, blank=True)
    action = models.CharField(max_length=64, help_text="Such as event.published.")
    subject_type = models.CharField(max_length=100, help_text="Such as sales.event.")
    subject_id = models.CharField(max_length=64)
    subject_label = models.CharField("subject", max_length=300)
    changes = models.JSONField(default=dict, encoder=DjangoJSONEncoder, blank=True)
    region = models.CharField(max_length=32, blank=True)
    address = models.CharField(max_length=45, blank=True, help_text="Where the request came from.")
    at = models.DateTimeField()

    objects: ClassVar = TenantManager.from_queryset(AuditEntryQuerySet)()

    class Meta:
        verbose_name = "audit entry"
        verbose_name_plural = "audit log"
        indexes: ClassVar = [
            models.Index(fields=["organisation", "at"], name="audit_organisation_at"),
            models.Index(fields=["subject_id", "at"], name="audit_subject_at"),
        ]

    def __str__(self) -> str:
        return f"{self.action}: {self.subject_label}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert the entry; raises AppendOnly for one that is stored."""
        if not self._state.adding:
            raise AppendOnly
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise AppendOnly."""
        raise AppendOnly
