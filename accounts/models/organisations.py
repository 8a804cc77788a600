"""Organisations, the tenants, and who works for them."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models


class Role(models.TextChoices):
    """What a member may do; accounts.tenancy says which role covers which."""

    OWNER = "owner", "Owner"
    MANAGER = "manager", "Manager"
    BOX_OFFICE = "box_office", "Box office"
    VIEWER = "viewer", "Viewer"
    SCANNER = "scanner", "Scanner"


class OrganisationQuerySet(models.QuerySet["Organisation"]):
    """Organisations, by who may see them."""

    def of(self, user: Any) -> OrganisationQuerySet:
        """Return the organisations a user works for."""
        return self.filter(memberships__user=user)


class Organisation(models.Model):
    """A tenant: everything that is sold belongs to one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    slug = models.SlugField(unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    requires_two_factor = models.BooleanField(
        default=False, help_text="Members have to log in with a second factor."
    )

    objects = OrganisationQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A user's role in an organisation."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, related_name="memberships"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(max_length=20, choices=Role.choices)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organisation", "user"], name="one_role_a_member"),
            models.CheckConstraint(
                condition=models.Q(role__in=Role.values), name="membership_role_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.get_role_display()}, {self.organisation})"
