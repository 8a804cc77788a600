"""Sales over the counter: who sold an order, and how it was paid."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models

from accounts.models import TenantModel
from sales.models.orders import Order


class CounterPayment(models.TextChoices):
    """How a box office was paid; COMP: not at all, the ticket is a gift."""

    CASH = "cash", "Cash"
    CARD = "card", "Card"
    COMP = "comp", "Complimentary"


class BoxOfficeSale(TenantModel):
    """That an order was sold over the counter. Never changed, never deleted.

    The order itself belongs to the customer; `by` is the clerk.
    """

    tenant_field = "order"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    order = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="box_office_sale")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    paid_by = models.CharField(max_length=10, choices=CounterPayment.choices)
    sold_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(paid_by__in=CounterPayment.values),
                name="counter_payment_is_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order}: {self.get_paid_by_display()}"
