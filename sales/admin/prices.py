"""What some pay instead of the full price, and codes that open a sale."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin

from accounts.models import Role
from accounts.tenant_admin import TenantAdmin, TenantFilter, TenantForm
from sales.models import PresaleCode, PriceType
from worldseat.money import format_money

__all__ = ["PresaleCodeAdmin", "PriceTypeAdmin"]


@admin.register(PriceType)
class PriceTypeAdmin(TenantAdmin[PriceType]):
    """Concessions: what some pay for a seat of a category."""

    organisation_path = "category__event__organisation"
    may_delete = True
    list_display = ("name", "category", "price")
    list_filter = (("category__event", TenantFilter),)
    list_select_related = ("category__event",)
    search_fields = ("name", "category__name", "category__event__name")
    ordering = ("category", "position", "name")
    fields = ("category", "name", "price_minor", "position")

    @admin.display(description="Price", ordering="price_minor")
    def price(self, price_type: PriceType) -> str:
        """Write the price in the event's currency."""
        return format_money(price_type.price_minor, price_type.category.event.currency)


class PresaleCodeForm(TenantForm[PresaleCode]):
    """A code, good for a category of its own event."""

    def clean_code(self) -> str:
        """Write it in capitals, as it is compared."""
        return str(self.cleaned_data["code"]).strip().upper()

    def clean(self) -> dict[str, Any]:
        """Refuse a category of another event."""
        cleaned = super().clean()
        category, event = cleaned.get("category"), cleaned.get("event")
        event_id = event.pk if event else self.instance.event_id  # None: refused already
        if category is not None and event_id and category.event_id != event_id:
            raise forms.ValidationError("The category is another event's. Nothing was changed.")
        return cleaned


@admin.register(PresaleCode)
class PresaleCodeAdmin(TenantAdmin[PresaleCode]):
    """Codes, and how many tickets went under each; one that was used stays."""

    organisation_path = "event__organisation"
    view_role = Role.BOX_OFFICE  # who reads a code can buy with it
    form = PresaleCodeForm
    list_display = ("code", "event", "category", "valid_from", "valid_until", "cap", "used")
    list_filter = (("event", TenantFilter),)
    list_select_related = ("event", "category")
    search_fields = ("code", "event__name")
    ordering = ("event", "code")
    fields = (
        *("event", "code", "category", "valid_from", "valid_until"),
        *("cap", "used", "disabled_at"),
    )
    readonly_fields = ("used",)
