"""How much a fan has: rows that every sale to her writes, so that two of them conflict.

Snapshot isolation lets two transactions count the same tickets and both add one (write skew).
Both write these rows instead, so one of them loses. `used` counts valid tickets and held seats,
and never too few; expired holds may still be in it, and `sales.limits` counts again when a
limit is reached.
"""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models

from accounts.models import TenantModel
from sales.models.events import Event, PriceCategory


class Allowance(TenantModel):
    """How many seats of an event a fan has."""

    tenant_field = "event"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # No index of its own: the constraint's begins with it.
    event = models.ForeignKey(
        Event, on_delete=models.CASCADE, related_name="allowances", db_index=False
    )
    fan = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="allowances"
    )
    used = models.PositiveIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "fan"], name="one_allowance_a_fan"),
        ]

    def __str__(self) -> str:
        return f"{self.fan}: {self.used}"


class CategoryAllowance(TenantModel):
    """How many seats of a category a fan has; only for categories with a limit."""

    tenant_field = "category"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    category = models.ForeignKey(PriceCategory, on_delete=models.CASCADE, related_name="allowances")
    fan = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="category_allowances"
    )
    used = models.PositiveIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["category", "fan"], name="one_category_allowance_a_fan"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.fan}: {self.used} of {self.category}"
