"""Payments and refunds: what was asked of a provider, and what it said."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin

from accounts.large_lists import LargeList, known_values
from accounts.models import Role
from accounts.tenant_admin import ReadOnlyTenantAdmin, TenantFilter
from sales.models import Payment, Refund
from worldseat.money import format_money

__all__ = ["PaymentAdmin", "RefundAdmin"]

PROVIDER = known_values(lambda: settings.PAYMENT_PROVIDERS)


@admin.register(Payment)
class PaymentAdmin(LargeList[Payment], ReadOnlyTenantAdmin[Payment]):
    """Payments for orders."""

    organisation_path = "order__event__organisation"
    bounded_by = "order__event"
    view_role = Role.BOX_OFFICE
    list_display = ("created_at", "order", "provider", "amount", "state", "changed_at")
    list_filter = ("state", ("provider", PROVIDER), ("order__event", TenantFilter))
    list_select_related = ("order__event",)
    search_fields = ("order__reference__startswith",)
    search_help_text = "The beginning of an order's reference"
    ordering = ("-created_at",)
    fields = ("order", "provider", "reference", "amount", "state", "reason", "created_at")
    readonly_fields = ("amount",)

    @admin.display(description="Amount", ordering="amount_minor")
    def amount(self, payment: Payment) -> str:
        """Write the amount."""
        return format_money(payment.amount_minor, payment.currency)


@admin.register(Refund)
class RefundAdmin(LargeList[Refund], ReadOnlyTenantAdmin[Refund]):
    """Money that goes back."""

    organisation_path = "order__event__organisation"
    bounded_by = "order__event"
    view_role = Role.BOX_OFFICE
    list_display = ("created_at", "order", "amount", "state", "reason", "by")
    list_filter = ("state", ("order__event", TenantFilter))
    list_select_related = ("order__event", "by")
    search_fields = ("order__reference__startswith",)
    search_help_text = "The beginning of an order's reference"
    ordering = ("-created_at",)
    fields = ("order", "payment", "amount", "state", "reason", "by", "created_at", "changed_at")
    readonly_fields = ("amount",)

    @admin.display(description="Amount", ordering="amount_minor")
    def amount(self, refund: Refund) -> str:
        """Write the amount."""
        return format_money(refund.amount_minor, refund.currency)
