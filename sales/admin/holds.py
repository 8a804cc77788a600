"""Holds, scans and scanners: what fans and doors do; nobody does it by hand."""

from __future__ import annotations

from django.contrib import admin

from accounts.large_lists import LargeList, names_of
from accounts.models import Role
from accounts.tenant_admin import ReadOnlyTenantAdmin, TenantFilter
from sales.models import HeldSeat, Hold, Scan, Scanner, ScanReport
from worldseat.money import format_money

__all__ = ["HeldSeatAdmin", "HoldAdmin", "ScanAdmin", "ScanReportAdmin", "ScannerAdmin"]


@admin.register(Hold)
class HoldAdmin(LargeList[Hold], ReadOnlyTenantAdmin[Hold]):
    """Seats kept for fans who decide and pay."""

    organisation_path = "event__organisation"
    view_role = Role.BOX_OFFICE
    list_display = ("fan", "event", "state", "total", "created_at", "expires_at")
    list_filter = ("state", ("event", TenantFilter))
    list_select_related = ("event", "fan")
    search_fields = names_of("fan")
    search_help_text = "The beginning of a fan's e-mail address, name or last name"
    ordering = ("-created_at",)
    fields = ("event", "fan", "state", "total", "region", "created_at", "expires_at")
    readonly_fields = ("total",)

    @admin.display(description="Total", ordering="total_minor")
    def total(self, hold: Hold) -> str:
        """Write the total, fees included."""
        return format_money(hold.total_minor, hold.currency)


@admin.register(Scan)
class ScanAdmin(LargeList[Scan], ReadOnlyTenantAdmin[Scan]):
    """Who was let in, and who was not."""

    organisation_path = "event__organisation"
    view_role = Role.BOX_OFFICE
    list_display = ("scanned_at", "outcome", "ticket", "gate", "event", "by")
    list_filter = ("outcome", ("event", TenantFilter))
    list_select_related = ("event", "ticket__seat", "by")
    search_fields = ("ticket__order__reference__startswith",)
    search_help_text = "The beginning of an order's reference"
    ordering = ("-scanned_at",)
    fields = ("event", "ticket", "outcome", "gate", "by", "scanned_at")


@admin.register(HeldSeat)
class HeldSeatAdmin(LargeList[HeldSeat], ReadOnlyTenantAdmin[HeldSeat]):
    """The seats of holds, at the prices that were promised."""

    organisation_path = "hold__event__organisation"
    bounded_by = "hold__event"
    view_role = Role.BOX_OFFICE
    list_display = ("seat", "hold", "price_type", "price")
    list_filter = (("hold__event", TenantFilter),)
    list_select_related = ("seat", "price_type", "hold__event", "hold__fan")
    search_fields = names_of("hold__fan")
    search_help_text = "The beginning of a fan's e-mail address, name or last name"
    ordering = ("hold", "seat")
    fields = ("hold", "seat", "price_type", "price")
    readonly_fields = ("price",)

    @admin.display(description="Price")
    def price(self, line: HeldSeat) -> str:
        """Write the price, fees included."""
        return format_money(line.total_minor, line.hold.currency)


@admin.register(Scanner)
class ScannerAdmin(ReadOnlyTenantAdmin[Scanner]):
    """The devices at an event's doors, without what they call themselves."""

    organisation_path = "event__organisation"
    view_role = Role.BOX_OFFICE
    list_display = ("name", "event", "user", "seen_at", "waiting", "clock_ahead_ms")
    list_filter = (("event", TenantFilter),)
    list_select_related = ("event", "user")
    search_fields = ("name",)
    ordering = ("-seen_at",)
    fields = ("event", "name", "user", "seen_at", "waiting", "clock_ahead_ms")


@admin.register(ScanReport)
class ScanReportAdmin(LargeList[ScanReport], ReadOnlyTenantAdmin[ScanReport]):
    """What a device told of a scan: when it was by its clock, and what it had said."""

    organisation_path = "scan__event__organisation"
    bounded_by = "scan__event"
    view_role = Role.BOX_OFFICE
    list_display = ("device_time", "scan", "scanner", "told")
    list_filter = ("told", ("scan__event", TenantFilter))
    list_select_related = ("scan__ticket__seat", "scanner")
    search_fields = ("scan__ticket__order__reference__startswith",)
    search_help_text = "The beginning of an order's reference"
    ordering = ("-device_time",)
    fields = ("scan", "scanner", "told", "device_time")
