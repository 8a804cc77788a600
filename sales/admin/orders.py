"""Orders, tickets, the ledger and the stored answers: the sale writes them, nobody else."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest

from accounts.audited_admin import PlatformAdmin
from accounts.large_lists import LargeList, known_values, names_of
from accounts.models import Role
from accounts.tenant_admin import ReadOnlyTenantAdmin, TenantFilter, TenantInline
from sales.models import BoxOfficeSale, LedgerEntry, Order, StoredAnswer, Ticket
from worldseat.money import format_money

__all__ = [
    "BoxOfficeSaleAdmin",
    "LedgerEntryAdmin",
    "OrderAdmin",
    "StoredAnswerAdmin",
    "TicketAdmin",
]

REGION = known_values(lambda: settings.REGIONS)


class TicketInline(TenantInline[Ticket]):
    """The tickets of an order."""

    model = Ticket
    fields = ("seat", "state", "price")
    readonly_fields = fields
    may_delete = False

    def has_add_permission(  # type: ignore[override]  # an inline is given the parent
        self, request: HttpRequest, obj: Any
    ) -> bool:
        """Let nobody make a ticket by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let nobody change a ticket by hand."""
        return False

    def get_queryset(self, request: HttpRequest) -> Any:
        """Load the seats too."""
        return super().get_queryset(request).select_related("seat")

    @admin.display(description="Price")
    def price(self, ticket: Ticket) -> str:
        """Write the price."""
        return format_money(ticket.price_minor, ticket.currency)


@admin.register(Order)
class OrderAdmin(LargeList[Order], ReadOnlyTenantAdmin[Order]):
    """What fans bought: found by reference, name and e-mail."""

    organisation_path = "event__organisation"
    view_role = Role.BOX_OFFICE  # it names fans: viewers have the masked desk
    inlines: ClassVar = [TicketInline]
    list_display = ("reference", "event", "fan", "state", "total", "region", "created_at")
    list_filter = ("state", ("region", REGION), ("event", TenantFilter))
    list_select_related = ("event", "fan")
    search_fields = (
        "reference__startswith",
        *names_of("fan"),
    )
    search_help_text = "The beginning of a reference, e-mail address, name or last name"
    ordering = ("-created_at",)
    fields = ("reference", "event", "fan", "state", "total", "fees", "region", "created_at")
    readonly_fields = ("total", "fees")

    @admin.display(description="Total", ordering="total_minor")
    def total(self, order: Order) -> str:
        """Write the total."""
        return format_money(order.total_minor, order.currency)

    @admin.display(description="Fees")
    def fees(self, order: Order) -> str:
        """Write the fees."""
        return format_money(order.fees_minor, order.currency)


@admin.register(Ticket)
class TicketAdmin(LargeList[Ticket], ReadOnlyTenantAdmin[Ticket]):
    """Who may sit where."""

    organisation_path = "event__organisation"
    view_role = Role.BOX_OFFICE  # it names fans: viewers have the masked desk
    list_display = ("seat", "event", "fan", "state", "price", "order", "created_at")
    list_filter = ("state", ("event", TenantFilter))
    list_select_related = ("seat", "event", "fan", "order")
    search_fields = (
        "order__reference__startswith",
        *names_of("fan"),
        "seat__guid__startswith",
    )
    search_help_text = (
        "The beginning of an order's reference, of an e-mail address, a name or a last name, "
        "or of a seat's name in the plan"
    )
    ordering = ("-created_at",)
    fields = (
        *("order", "event", "seat", "fan", "state", "price", "created_at"),
        *("issue", "reissued_at", "admitted_at", "voided_at"),
    )
    readonly_fields = ("price", "reissued_at", "admitted_at", "voided_at")

    @admin.display(description="Price", ordering="price_minor")
    def price(self, ticket: Ticket) -> str:
        """Write the price."""
        return format_money(ticket.price_minor, ticket.currency)


@admin.register(BoxOfficeSale)
class BoxOfficeSaleAdmin(LargeList[BoxOfficeSale], ReadOnlyTenantAdmin[BoxOfficeSale]):
    """What was sold over the counter, by whom, and how it was paid."""

    organisation_path = "order__event__organisation"
    bounded_by = "order__event"
    view_role = Role.BOX_OFFICE
    list_display = ("sold_at", "order", "paid_by", "by")
    list_filter = ("paid_by", ("order__event", TenantFilter))
    list_select_related = ("order", "by")
    search_fields = ("order__reference__startswith", "by__email__startswith")
    search_help_text = "The beginning of an order's reference, or of the clerk's e-mail address"
    ordering = ("-sold_at",)
    fields = ("order", "paid_by", "by", "sold_at")


@admin.register(LedgerEntry)
class LedgerEntryAdmin(LargeList[LedgerEntry], ReadOnlyTenantAdmin[LedgerEntry]):
    """The books."""

    organisation_path = "event__organisation"
    view_role = Role.BOX_OFFICE
    list_display = ("created_at", "kind", "amount", "order", "event")
    list_filter = ("kind", ("event", TenantFilter))
    list_select_related = ("order", "event")
    search_fields = ("order__reference__startswith",)
    search_help_text = "The beginning of an order's reference"
    ordering = ("-created_at",)
    fields = ("event", "order", "kind", "amount", "created_at")
    readonly_fields = ("amount",)

    @admin.display(description="Amount", ordering="amount_minor")
    def amount(self, entry: LedgerEntry) -> str:
        """Write the amount; refunds are negative."""
        return format_money(entry.amount_minor, entry.currency)


@admin.register(StoredAnswer)
class StoredAnswerAdmin(LargeList[StoredAnswer], PlatformAdmin[StoredAnswer]):
    """What clients were answered: for the platform's staff, as fans belong to no tenant.

    Nobody writes one by hand: a repeated request would be told something else, or buy again.
    """

    may_add = may_change = may_delete = False
    list_display = ("key", "fan", "status", "created_at")
    list_select_related = ("fan",)
    search_fields = ("fan__email__exact",)
    search_help_text = "A fan's e-mail address"
    ordering = ("-created_at",)
