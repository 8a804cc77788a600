"""Payments and refunds: what was asked of a payment provider, and what it said."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models

from accounts.models import TenantModel
from sales.models.orders import Order


class PaymentState(models.TextChoices):
    """Where a payment stands.

    Only CAPTURED money is here, AUTHORIZED money is promised. UNKNOWN: asked, and no answer came.
    """

    CREATED = "created", "Created"
    UNKNOWN = "unknown", "No answer yet"
    AUTHORIZED = "authorized", "Authorized"
    CAPTURED = "captured", "Captured"
    REFUSED = "refused", "Refused"
    VOIDED = "voided", "Voided"


class RefundState(models.TextChoices):
    """Where a refund stands: decided by us, then done by the provider."""

    PENDING = "pending", "Pending"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"


class Payment(TenantModel):
    """A payment for an order. Its id is the provider's idempotency key: asked twice, paid once."""

    tenant_field = "order"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="payments")
    provider = models.CharField(max_length=40)
    reference = models.CharField(max_length=200, blank=True, help_text="The provider's name of it.")
    state = models.CharField(
        max_length=12, choices=PaymentState.choices, default=PaymentState.CREATED
    )
    reason = models.CharField(max_length=200, blank=True, help_text="Why it was refused.")
    amount_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(state__in=PaymentState.values), name="payment_state_is_known"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["changed_at"],
                condition=models.Q(
                    state__in=[
                        PaymentState.CREATED,
                        PaymentState.UNKNOWN,
                        PaymentState.AUTHORIZED,
                    ]
                ),
                name="payment_unsettled",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.amount_minor} {self.currency}: {self.state}"


class Refund(TenantModel):
    """Money that goes back. Its id is the provider's idempotency key.

    `payment` is empty where none was made through a provider: a one-request sale. `amount_minor`
    and `tickets_minor` differ where the organiser kept a part, or gave more; the books
    (`sales.books`) need both.
    """

    tenant_field = "order"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="refunds")
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, related_name="refunds", null=True, blank=True
    )
    reference = models.CharField(max_length=200, blank=True, help_text="The provider's name of it.")
    state = models.CharField(
        max_length=10, choices=RefundState.choices, default=RefundState.PENDING
    )
    amount_minor = models.PositiveBigIntegerField()
    tickets_minor = models.PositiveBigIntegerField(
        default=0,
        help_text="What the tickets that went void with it had cost, less what replaced them.",
    )
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=200, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(state__in=RefundState.values), name="refund_state_is_known"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["changed_at"],
                condition=models.Q(state=RefundState.PENDING),
                name="refund_pending",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount_minor} {self.currency}: {self.state}"
